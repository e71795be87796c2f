"""How one hyperparameter becomes numbers: a position on a ruler, or one column per choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from foretune.errors import ConfigurationError
from foretune.space.learning_rate import learning_rate_ratio
from foretune.types import Value


@dataclass(frozen=True)
class Ruler:
    """Marks at equal distances from 0 to 1; straight lines (on a logarithmic axis if `log`) between and beyond them.

    Attributes:
        marks: rising numbers; a single one is position 0, and distances from it are kept as they are.
        log: whether what counts is the ratio.
        hidden_size: width of base model that the marks are for; None if they suit every width.
        when: values of the column's parent for which this ruler is the one; empty for all.
    """

    marks: tuple[float, ...]
    log: bool = False
    hidden_size: int | None = None
    when: tuple[Value, ...] = ()

    def position(self, value: float) -> float:
        """Where the value lies: 0 at the first mark, 1 at the last, further out beyond them."""
        if self.log and value <= 0:
            raise ConfigurationError(f"got {value}, expected a positive number; its axis is logarithmic")
        x = math.log(value) if self.log else value
        marks = [math.log(mark) if self.log else mark for mark in self.marks]
        if len(marks) == 1:
            return x - marks[0]
        segment = max((i for i, mark in enumerate(marks[:-1]) if mark <= x), default=0)
        return (segment + (x - marks[segment]) / (marks[segment + 1] - marks[segment])) / (len(marks) - 1)

    def at(self, hidden_size: int) -> Ruler:
        """The ruler for base models of another width."""
        if self.hidden_size is None:
            return self
        ratio = learning_rate_ratio(hidden_size, of=self.hidden_size)
        return replace(self, marks=tuple(mark * ratio for mark in self.marks), hidden_size=hidden_size)


@dataclass(frozen=True)
class Number:
    """A hyperparameter on a ruler; where it has several, the parent's value says which.

    Attributes:
        name: flat name in a configuration.
        rulers: at least one.
        parent: hyperparameter that decides whether this one exists; None if it always does.
        inactive: position where it does not exist.
        optional: whether it may be missing for no reason that is known.
    """

    name: str
    rulers: tuple[Ruler, ...]
    parent: str | None
    inactive: float
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.name,)

    def encode(self, values: Mapping[str, Value]) -> list[float]:
        """The position of this hyperparameter's value."""
        ruler = next((r for r in self.rulers if _exists(self.parent, r.when, values)), None)
        expected = self.name in values if self.optional else ruler is not None
        if not _present(self.name, values, expected=expected) or ruler is None:
            return [self.inactive]
        value = values[self.name]
        if isinstance(value, str | bool):
            raise ConfigurationError(f"{self.name} is {value!r}, expected a number")
        return [ruler.position(value)]

    def at(self, hidden_size: int) -> Number:
        """The column for base models of another width."""
        return replace(self, rulers=tuple(ruler.at(hidden_size) for ruler in self.rulers))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values that `column_from_json` reads back."""
        rulers = [
            {"marks": list(r.marks), "log": r.log, "hidden_size": r.hidden_size, "when": list(r.when)}
            for r in self.rulers
        ]
        return {
            "kind": "number", "name": self.name, "parent": self.parent, "inactive": self.inactive, "rulers": rulers,
            "optional": self.optional,
        }  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """A hyperparameter with one column per choice, 1 for the one that is taken.

    Attributes:
        name: flat name in a configuration.
        choices: legal values.
        parent: hyperparameter that decides whether this one exists; None if it always does.
        when: values of the parent for which it exists.
        inactive: choice that stands in where it does not exist.
        optional: whether it may be missing for no reason that is known; no column is 1 then.
    """

    name: str
    choices: tuple[Value, ...]
    parent: str | None
    when: tuple[Value, ...]
    inactive: Value
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(f"{self.name}={choice}" for choice in self.choices)

    def encode(self, values: Mapping[str, Value]) -> list[float]:
        """One-hot."""
        if self.optional and self.name not in values:
            return [0.0] * len(self.choices)
        exists = _exists(self.parent, self.when, values)
        value = values[self.name] if _present(self.name, values, expected=exists) else self.inactive
        if value not in self.choices:
            raise ConfigurationError(f"{self.name} is {value!r}, expected one of {', '.join(map(str, self.choices))}")
        return [float(value == choice) for choice in self.choices]

    def at(self, hidden_size: int) -> Choice:  # noqa: ARG002 - both kinds of column have the same methods
        """The same column: choices do not depend on the width."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values that `column_from_json` reads back."""
        return {
            "kind": "choice", "name": self.name, "parent": self.parent, "when": list(self.when),
            "choices": list(self.choices), "inactive": self.inactive, "optional": self.optional,
        }  # fmt: skip


Column = Number | Choice


def column_from_json(entry: Mapping[str, Any]) -> Column:
    """Undo `to_json`."""
    optional = bool(entry.get("optional", False))
    if entry["kind"] == "choice":
        lists = {key: tuple(entry[key]) for key in ("choices", "when")}
        return Choice(
            name=entry["name"], parent=entry["parent"], inactive=entry["inactive"], optional=optional, **lists
        )
    rulers = tuple(
        Ruler(tuple(_rising(r["marks"])), bool(r["log"]), r["hidden_size"], tuple(r["when"])) for r in entry["rulers"]
    )
    return Number(entry["name"], rulers, entry["parent"], float(entry["inactive"]), optional)


def _rising(marks: Sequence[float]) -> Sequence[float]:
    if not marks or any(after <= before for before, after in pairwise(marks)):
        raise ValueError(f"marks must rise, got {marks}")
    return marks


def _exists(parent: str | None, when: tuple[Value, ...], values: Mapping[str, Value]) -> bool:
    return parent is None or values.get(parent) in when


def _present(name: str, values: Mapping[str, Value], *, expected: bool) -> bool:
    """Whether the value is there, which must be as expected."""
    if (name in values) != expected:
        verb, remedy = ("lacks", "add") if expected else ("has", "remove")
        raise ConfigurationError(f"configuration {dict(values)} {verb} {name!r}; {remedy} it")
    return expected
