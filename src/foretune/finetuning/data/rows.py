"""A row as it was read, and the treatment of unusable rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foretune.errors import DataError

_NAMED = 5
"""Kinds of fault that are named, and rows for each of them."""


@dataclass(frozen=True)
class Row:
    """Column names and values of one row.

    Attributes:
        values: by column; empty where the row cannot be read.
        where: it was read, such as `train.jsonl, line 3`.
        fault: why it cannot be read; empty if it can.
    """

    values: Mapping[str, Any]
    where: str
    fault: str = ""


@dataclass(frozen=True)
class Fault:
    """A row that cannot be used: its place and its fault."""

    where: str
    what: str

    @classmethod
    def of(cls, where: str, error: DataError) -> Fault:
        """The words of an error about a row."""
        return cls(where, str(error).removeprefix(f"{where}: "))

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def check_bad_rows(faults: Sequence[Fault], count: int, name: str, *, skip: bool) -> list[str]:
    """A note on the rows that are left out, if they may be.

    Args:
        faults: one for each bad row.
        count: all rows, good and bad.
        name: of the split or dataset that they are of.
        skip: whether they may be left out.

    Raises:
        DataError: if they may not, or no other rows are there.
    """
    if not faults:
        return []
    if count == 1:
        raise DataError(str(faults[0]))
    if len(faults) == count:
        raise DataError(f"none of the {count} rows of {name} can be used:{_listed(faults)}")
    if skip:
        left = "was left out, since it" if len(faults) == 1 else "were left out, since they"
        return [f"{name}: {len(faults)} of {count} rows {left} cannot be used:{_listed(faults)}"]
    if len(faults) == 1:
        raise DataError(f"{faults[0]} (or go on without it: --skip-bad-rows)")
    raise DataError(
        f"{len(faults)} of {count} rows of {name} cannot be used; correct them, or go on without them: "
        f"--skip-bad-rows{_listed(faults)}"
    )


def _listed(faults: Sequence[Fault]) -> str:
    """The first rows of each of the first kinds of fault, a kind on each line."""
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(fault.what, []).append(fault.where)
    lines = [f"{_places(places)}: {what}" for what, places in list(kinds.items())[:_NAMED]]
    more = len(kinds) - len(lines)
    return "".join(f"\n  {line}" for line in lines) + (f"\n  and {more} other kinds of fault" if more > 0 else "")


def _places(places: Sequence[str]) -> str:
    named = [place.rpartition(", ")[2] for place in places[1:_NAMED]]
    more = len(places) - 1 - len(named)
    return ", ".join([places[0], *named]) + (f" and {more} more" if more > 0 else "")
