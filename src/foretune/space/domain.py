"""What ConfigSpace's objects say, as plain values: the only file that looks inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import ConfigSpace
from ConfigSpace.hyperparameters import (
    CategoricalHyperparameter,
    Constant,
    FloatHyperparameter,
    Hyperparameter,
    IntegerHyperparameter,
    OrdinalHyperparameter,
)

from foretune.errors import ConfigurationError
from foretune.types import Value


@dataclass(frozen=True)
class Activity:
    """A hyperparameter exists only where `parent` has one of `values`."""

    parent: str
    values: tuple[Value, ...]


def plain(value: object) -> Value:
    """A ConfigSpace value without numpy's types."""
    item = getattr(value, "item", None)
    return cast("Value", item() if callable(item) else value)


def legal_values(hyperparameter: Hyperparameter[Any, Any]) -> tuple[Value, ...]:
    """All values of a finite hyperparameter, the two ends of a range."""
    if isinstance(hyperparameter, CategoricalHyperparameter):
        return tuple(plain(value) for value in hyperparameter.choices)
    if isinstance(hyperparameter, OrdinalHyperparameter):
        return tuple(plain(value) for value in hyperparameter.sequence)
    if isinstance(hyperparameter, Constant):
        return (plain(hyperparameter.value),)
    if isinstance(hyperparameter, FloatHyperparameter | IntegerHyperparameter):
        return (plain(hyperparameter.lower), plain(hyperparameter.upper))
    raise ConfigurationError(
        f"hyperparameter {hyperparameter.name!r} is a {type(hyperparameter).__name__}; "
        "use the types categorical, ordinal, constant, uniform_float and uniform_int"
    )


def is_range(hyperparameter: Hyperparameter[Any, Any]) -> bool:
    """Whether everything between two numbers is legal."""
    return isinstance(hyperparameter, FloatHyperparameter | IntegerHyperparameter)


def is_ordered(hyperparameter: Hyperparameter[Any, Any]) -> bool:
    """Whether all values are numbers in rising order, so that one can be between others."""
    values = legal_values(hyperparameter)
    if any(isinstance(value, str | bool) for value in values) or isinstance(hyperparameter, CategoricalHyperparameter):
        return False
    return list(values) == sorted(set(values), key=float)


def describe(hyperparameter: Hyperparameter[Any, Any]) -> str:
    """The legal values in words."""
    values = legal_values(hyperparameter)
    if is_range(hyperparameter):
        kind = "a whole number" if isinstance(hyperparameter, IntegerHyperparameter) else "a number"
        return f"{kind} from {values[0]} to {values[1]}"
    return "one of " + ", ".join(str(value) for value in values)


def meta(hyperparameter: Hyperparameter[Any, Any], key: str) -> Value | None:
    """An entry of the hyperparameter's `meta`; None where there is none."""
    return (hyperparameter.meta or {}).get(key)


def activity(space: ConfigSpace.ConfigurationSpace, name: str) -> Activity | None:
    """When the hyperparameter exists; None for always.

    Raises:
        ConfigurationError: the condition is not of the kinds EQ and IN, or there are several.
    """
    conditions = space.parent_conditions_of[name]
    if not conditions:
        return None
    condition = conditions[0]
    if len(conditions) == 1 and isinstance(condition, ConfigSpace.EqualsCondition):
        return Activity(condition.parent.name, (plain(condition.value),))
    if len(conditions) == 1 and isinstance(condition, ConfigSpace.InCondition):
        return Activity(condition.parent.name, tuple(plain(value) for value in condition.values))
    raise ConfigurationError(f"{name!r} has the condition {condition}; use a single condition of type EQ or IN")
