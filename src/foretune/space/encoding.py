"""Configurations as numbers: what every surrogate sees of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ConfigSpace.hyperparameters import Hyperparameter
from jaxtyping import Float

from foretune.errors import ConfigurationError
from foretune.space.column import Choice, Column, Number, Ruler, column_from_json
from foretune.space.domain import activity, is_ordered, is_range, legal_values, meta, plain
from foretune.space.learning_rate import learning_rate_reference
from foretune.space.space import SearchSpace
from foretune.space.vocabulary import base_name
from foretune.types import Configuration, Value

__all__ = ["Encoder", "learning_rate_reference"]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Encoder:
    """A fixed number of columns, each in about [0, 1], for the configurations of one search space.

    Numbers go from 0 at the lower end of their range to 1 at the upper, on a logarithmic axis where the space says
    `log` and by the place in the list where it lists the values; a value outside the range goes on beyond. A
    hyperparameter with a range per method (the learning rate) is placed within the range of its method: the middle of
    the range means the same for all. Choices have one column each. A hyperparameter that a method lacks takes the value
    that it has in effect (`inactive` in the space's meta), or its default's.

    Attributes:
        columns: in the order of the space, parents first.
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, space: SearchSpace) -> Encoder:
        """The encoder of a search space."""
        variants: dict[str, list[str]] = {}
        for name in space.space:
            variants.setdefault(base_name(name), []).append(name)
        return cls(tuple(_column(space, flat, names) for flat, names in variants.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D columns."""
        return tuple(name for column in self.columns for name in column.names)

    def encode(self, configurations: Sequence[Configuration]) -> Float[np.ndarray, "N D"]:
        """The configurations, one row each.

        Raises:
            ConfigurationError: a value is missing, unknown, or not of this space; nothing is left out silently.
        """
        rows = [self._row(configuration.values) for configuration in configurations]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.names))

    def at(self, hidden_size: int) -> Encoder:
        """The encoder for base models of another width: learning rates are then placed relative to it."""
        return Encoder(tuple(column.at(hidden_size) for column in self.columns))

    def to_json(self) -> str:
        """A JSON text that `from_json` reads back."""
        columns = [column.to_json() for column in self.columns]
        return json.dumps({"schema_version": SCHEMA_VERSION, "columns": columns})

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Undo `to_json`.

        Raises:
            ConfigurationError: it is damaged, or written by another version.
        """
        try:
            description = json.loads(text)
            version = description["schema_version"]
            columns = (
                tuple(column_from_json(entry) for entry in description["columns"]) if version == SCHEMA_VERSION else ()
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"encoder is damaged ({error!r}); fit the surrogate anew") from error
        if version != SCHEMA_VERSION:
            raise ConfigurationError(
                f"encoder has schema version {version!r}, this foretune reads {SCHEMA_VERSION}; update it or fit anew"
            )
        return cls(columns)

    def _row(self, values: Mapping[str, Value]) -> list[float]:
        unknown = sorted(set(values) - {column.name for column in self.columns})
        if unknown:
            raise ConfigurationError(
                f"configuration has {', '.join(unknown)}, which the encoder's search space does not know"
            )
        return [number for column in self.columns for number in column.encode(values)]


def _column(space: SearchSpace, flat: str, names: Sequence[str]) -> Column:
    hyperparameters = [space.space[name] for name in names]
    when = activity(space.space, names[0])
    parent = base_name(when.parent) if when else None
    inactive = _inactive(hyperparameters[0])
    if all(is_range(one) or is_ordered(one) for one in hyperparameters):
        rulers = tuple(_ruler(space, name) for name in names)
        return Number(flat, rulers, parent, rulers[0].position(float(inactive)))
    choices = dict.fromkeys(choice for one in hyperparameters for choice in legal_values(one))
    whens = [activity(space.space, name) for name in names]
    return Choice(flat, tuple(choices), parent, tuple(value for one in whens if one for value in one.values), inactive)


def _ruler(space: SearchSpace, name: str) -> Ruler:
    hyperparameter = space.space[name]
    when = activity(space.space, name)
    marks = tuple(dict.fromkeys(float(value) for value in legal_values(hyperparameter)))
    log = bool(getattr(hyperparameter, "log", False))
    hidden_size = meta(hyperparameter, "hidden_size")
    return Ruler(marks, log, None if hidden_size is None else int(hidden_size), when.values if when else ())


def _inactive(hyperparameter: Hyperparameter[Any, Any]) -> Value:
    stated = meta(hyperparameter, "inactive")
    return plain(hyperparameter.default_value) if stated is None else stated
