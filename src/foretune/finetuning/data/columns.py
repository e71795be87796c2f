"""Which column is which: names in any case, and those that the user has given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from foretune.errors import DataError
from foretune.finetuning.data.rows import Row


@dataclass
class Cells:
    """The values of a row under the names that conventions use; it notes which of them were looked at.

    Attributes:
        where: the row was read.
        used: the row's own names of the columns that were taken.
        written: whether a number or a truth value was taken as text.
    """

    where: str
    used: set[str] = field(default_factory=set)
    written: bool = False
    _values: Mapping[str, Any] = field(default_factory=dict)
    _names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Row, renamed: Mapping[str, str], *, alone: bool) -> Cells:
        """The cells of a row.

        Args:
            row: as it was read.
            renamed: the user's column for each name.
            alone: whether the other columns, which go by their own names in any case, are left aside.
        """
        # A name that is spelled as the convention has it goes before one in capitals.
        ordered = [] if alone else sorted(map(str, row.values), key=lambda name: name == name.lower())
        names = {name.strip().lower(): name for name in ordered if name not in renamed.values()}
        names |= {name: theirs for name, theirs in renamed.items() if theirs in row.values}
        return cls(row.where, _values={name: row.values[theirs] for name, theirs in names.items()}, _names=names)

    def has(self, columns: Sequence[str]) -> bool:
        """Whether all columns are there, and one of them at least is not null."""
        # Tables made of several sources have every column, and null where it does not apply.
        values = [self._values[column] for column in columns if column in self._values]
        return len(values) == len(columns) and any(value is not None for value in values)

    def take(self, column: str) -> Any:
        """The value of a column, None if it is not there; it counts as used from now on."""
        if column in self._names:
            self.used.add(self._names[column])
        return self._values.get(column)

    def name(self, column: str) -> str:
        """How the row calls a column, in quotes."""
        return repr(self._names.get(column, column))


def parse_columns(text: str | None, known: Iterable[str]) -> dict[str, str]:
    """`prompt=Q,completion=A` as a mapping from the names that conventions use to the user's columns.

    Args:
        text: as given; None for nothing.
        known: names that can stand on the left.

    Raises:
        DataError: if it is written in another way, or a name on the left is unknown.
    """
    renamed: dict[str, str] = {}
    names = list(dict.fromkeys(known))
    for part in (text or "").split(",") if text else ():
        name, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not (name and equals and theirs):
            raise DataError(f"--columns {text}: {part!r} is not NAME=COLUMN; write for instance prompt=Q,completion=A")
        if name not in names:
            close = get_close_matches(name, names, 1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise DataError(f"--columns {text}: {name!r} is none of the known names; {meant}use {', '.join(names)}")
        renamed[name] = theirs
    return renamed


def check_columns(renamed: Mapping[str, str], rows: Sequence[Row], source: str) -> None:
    """Whether each of the user's columns is there in some row.

    Raises:
        DataError: if one is nowhere.
    """
    found = list(dict.fromkeys(str(name) for row in rows for name in row.values)) if renamed else []
    for name, theirs in renamed.items():
        if theirs not in found:
            close = get_close_matches(theirs, found, 1)
            meant = f"; did you mean {close[0]}?" if close else ""
            raise DataError(f"--columns {name}={theirs}: {source} has the columns {', '.join(found) or 'none'}{meant}")
