"""A search space as plain data, from which every library makes the space that is native to it.

Names are those of the search space, variants included: a configuration of the library has `learning_rate:ia3` where one
of ours has `learning_rate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from ConfigSpace import ConfigurationSpace
from ConfigSpace.hyperparameters import (
    CategoricalHyperparameter,
    FloatHyperparameter,
    Hyperparameter,
    IntegerHyperparameter,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
)

from foretune.space.domain import activity, is_ordered, legal_values, plain
from foretune.space.vocabulary import base_name
from foretune.types import Configuration, Value

Kind = Literal["choice", "ordered", "float", "integer"]
_LISTED, _DECADES, _ROUNDING = 12, 100.0, 1e-6
"""Numbers that are a list; ratio of the ends of a logarithmic range; by how much ConfigSpace may round an end."""


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter.

    Attributes:
        name: in the search space, such as `learning_rate:ia3`.
        kind: `choice` of words; `ordered` numbers, of which some are legal; `float` and `integer` ranges.
        values: all legal values in order; of a range its two ends.
        log: whether a range is searched on a logarithmic scale.
        default: the search space's.
        weights: of a choice's words when drawn at random; empty for equal ones.
        parent: the hyperparameter that decides whether this one exists; empty for always.
        when: values of the parent with which it does.
    """

    name: str
    kind: Kind
    values: tuple[Value, ...]
    log: bool
    default: Value
    weights: tuple[float, ...] = ()
    parent: str = ""
    when: tuple[Value, ...] = ()

    def place(self, value: Value) -> float:
        """Where a value is on the unit scale: 0 for the least of a range or a list, 1 for the greatest.

        A range that is searched on a logarithmic scale is one here, too. A choice has no places.
        """
        if self.kind == "ordered":
            return self.values.index(value) / max(1, len(self.values) - 1)
        low, high, given = (_axis(each, log=self.log) for each in (*self.values, value))
        return (given - low) / (high - low)

    def clip(self, value: Value) -> Value:
        """A legal value: beyond a range its nearest end, of floats just within it, for libraries round."""
        if self.kind not in {"float", "integer"}:
            return value
        low, high = self.values
        if float(low) <= float(value) <= float(high):
            return value
        end, other = (low, high) if float(value) < float(low) else (high, low)
        return end if self.kind == "integer" else float(end) + _ROUNDING * (float(other) - float(end))


@dataclass(frozen=True)
class NativeSpace:
    """The hyperparameters, parents before children.

    Attributes:
        parameters: all of them.
        configspace: the same as ConfigSpace serializes it, for libraries that read that.
    """

    parameters: tuple[Parameter, ...]
    configspace: Mapping[str, Any]

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        """Every hyperparameter by its name."""
        return {one.name: one for one in self.parameters}

    def named(self, configuration: Configuration) -> dict[str, Value]:
        """The values of a configuration by the names of this space, without those that do not exist beside the others.

        Raises:
            KeyError: if the configuration lacks one.
        """
        found: dict[str, Value] = {}
        for one in self.parameters:
            if not one.parent or found.get(one.parent) in one.when:
                found[one.name] = configuration.values[base_name(one.name)]
        return found

    def clipped(self, configuration: Configuration) -> dict[str, Value]:
        """As `named`, with numbers outside of their range at its nearest end."""
        named = self.named(configuration)
        return {name: self.by_name[name].clip(value) for name, value in named.items()}

    def to_json(self) -> dict[str, Any]:
        """For an adapter."""
        return {"parameters": [asdict(one) for one in self.parameters], "configspace": dict(self.configspace)}


def native_space(space: ConfigurationSpace) -> NativeSpace:
    """Of a search space, at the width of the base model."""
    parameters = [_parameter(space, name, one) for name, one in space.items()]
    return NativeSpace(tuple(parameters), space.to_serialized_dict())


def observed_space(configurations: Sequence[Configuration]) -> NativeSpace:
    """For a table whose search space is not at hand: all that its configurations span.

    Words are a choice. Up to 12 different numbers are a list; more are a range, on a logarithmic scale where its ends
    are a hundredfold apart. A hyperparameter of one value is left out.
    """
    columns = {name: dict.fromkeys(one.values[name] for one in configurations) for name in configurations[0].values}
    spanned = [_spanned(name, list(values)) for name, values in columns.items() if len(values) > 1]
    return native_space(ConfigurationSpace(space=spanned))


def _spanned(name: str, values: Sequence[Value]) -> Hyperparameter[Any, Any]:
    numbers = sorted(one for one in values if isinstance(one, int | float) and not isinstance(one, bool))
    if len(numbers) < len(values):
        return CategoricalHyperparameter(name, list(values))
    if len(numbers) <= _LISTED:
        return OrdinalHyperparameter(name, numbers)
    low, high = (end + at * _ROUNDING * abs(end) for at, end in zip((-1, 1), (numbers[0], numbers[-1]), strict=True))
    return UniformFloatHyperparameter(name, low, high, log=low > 0 and high / low >= _DECADES)


def _parameter(space: ConfigurationSpace, name: str, one: Hyperparameter[Any, Any]) -> Parameter:
    when = activity(space, name)
    kind: Kind = "ordered" if is_ordered(one) else "choice"
    if isinstance(one, FloatHyperparameter | IntegerHyperparameter):
        kind = "integer" if isinstance(one, IntegerHyperparameter) else "float"
    weights: Sequence[float] = one.probabilities.tolist() if isinstance(one, CategoricalHyperparameter) else ()
    return Parameter(
        name,
        kind,
        legal_values(one),
        log=bool(getattr(one, "log", False)),
        default=plain(one.default_value),
        weights=tuple(weights),
        parent=when.parent if when else "",
        when=when.values if when else (),
    )


def _axis(value: Value, *, log: bool) -> float:
    return math.log(float(value)) if log else float(value)
