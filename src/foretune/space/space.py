"""A search space: which configurations there are, the default among them, and how to draw some at random."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ConfigSpace
import numpy as np
from ConfigSpace.hyperparameters import Hyperparameter

from foretune.errors import ConfigurationError
from foretune.space.check import check_space
from foretune.space.domain import activity, describe, is_range, legal_values, plain
from foretune.space.learning_rate import learning_rate_ratio
from foretune.space.vocabulary import base_name
from foretune.types import Configuration, Value

ATTEMPTS = 50
"""Draws per configuration wanted before a space is taken to hold too few distinct ones."""


@dataclass(frozen=True)
class SearchSpace:
    """A named ConfigSpace space whose every configuration can be trained.

    Names in a configuration are flat: of `learning_rate:lora` and `learning_rate:ia3` the active one is
    `learning_rate`. Only active hyperparameters are present.

    Attributes:
        name: a shipped space's name, or the user's own.
        space: what ConfigSpace knows of it; not to be changed.

    Raises:
        ConfigurationError: the space holds configurations that cannot be trained.
    """

    name: str
    space: ConfigSpace.ConfigurationSpace

    def __post_init__(self) -> None:
        check_space(self.name, self.space)

    def default(self) -> Configuration:
        """The named default: what a practitioner would take from the PEFT and TRL documentation."""
        return _flat(self.space.get_default_configuration())

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that its configurations may have."""
        return tuple(str(method) for method in legal_values(self.space["method"]))

    def sample(self, count: int, rng: np.random.Generator) -> list[Configuration]:
        """Distinct random configurations; a larger `count` only adds to those of a smaller one.

        Args:
            count: how many.
            rng: decides which; one number is drawn from it.

        Raises:
            ConfigurationError: the space holds fewer distinct configurations than `count`.
        """
        space = copy.deepcopy(self.space)
        space.seed(int(rng.integers(2**31)))
        found: dict[str, Configuration] = {}
        for _ in range(ATTEMPTS * count):
            if len(found) == count:
                break
            drawn = _flat(self._rounded(space.sample_configuration()))
            found.setdefault(drawn.key, drawn)
        if len(found) < count:
            raise ConfigurationError(
                f"search space {self.name!r} yielded {len(found)} distinct configurations, {count} were asked for; "
                "widen a range or ask for fewer"
            )
        return list(found.values())

    def check(self, configuration: Configuration) -> None:
        """Whether this configuration is one of the space.

        Raises:
            ConfigurationError: a value is missing, out of range, or of no use with the others.
        """
        given = dict(configuration.values)
        for name, hyperparameter in self._active(given):
            flat = base_name(name)
            if flat not in given:
                raise ConfigurationError(f"configuration lacks {flat!r}; give {describe(hyperparameter)}")
            if not _legal(hyperparameter, given[flat]):
                raise ConfigurationError(f"{flat}={given[flat]!r} is not legal here; give {describe(hyperparameter)}")
        known = {base_name(name) for name, _ in self._active(given)}
        unused = sorted(set(given) - known)
        if unused:
            raise ConfigurationError(
                f"{', '.join(unused)} does not belong to a configuration of {self.name!r} with "
                f"method={given['method']!r}; remove it"
            )

    def allows(self, configuration: Configuration) -> bool:
        """Whether this configuration is one of the space."""
        try:
            self.check(configuration)
        except ConfigurationError:
            return False
        return True

    def at(self, hidden_size: int) -> SearchSpace:
        """The same space for a base model of this width: ranges and defaults that depend on it are multiplied.

        Numbers are rounded to three significant digits. The factor is that of
        `foretune.space.learning_rate.learning_rate_ratio`.
        """
        description: dict[str, Any] = copy.deepcopy(self.space.to_serialized_dict())
        for entry in description["hyperparameters"]:
            stated = (entry.get("meta") or {}).get("hidden_size")
            if stated is not None:
                _scale(entry, learning_rate_ratio(hidden_size, of=stated))
                entry["meta"] = {**entry["meta"], "hidden_size": hidden_size}
        return SearchSpace(self.name, ConfigSpace.ConfigurationSpace.from_serialized_dict(description))

    def with_targets(self, targets: Collection[str]) -> SearchSpace:
        """The same space without the `target_modules` that a base model lacks.

        Args:
            targets: those that it has.

        Raises:
            ConfigurationError: none of the space's is among them.
        """
        description: dict[str, Any] = copy.deepcopy(self.space.to_serialized_dict())
        for entry in description["hyperparameters"]:
            if base_name(entry["name"]) == "target_modules":
                _keep_values(entry, targets, self.name)
        return SearchSpace(self.name, ConfigSpace.ConfigurationSpace.from_serialized_dict(description))

    def _active(self, given: Mapping[str, Value]) -> Iterator[tuple[str, Hyperparameter[Any, Any]]]:
        """Hyperparameters that exist beside these values; ConfigSpace lists parents before children."""
        active: set[str] = set()
        for name, hyperparameter in self.space.items():
            when = activity(self.space, name)
            if when is None or (when.parent in active and given.get(base_name(when.parent)) in when.values):
                active.add(name)
                yield name, hyperparameter

    def _rounded(self, drawn: ConfigSpace.Configuration) -> dict[str, Value]:
        """Four significant digits are enough for a float, and can be read."""
        values = {name: plain(value) for name, value in drawn.items()}
        for name, value in values.items():
            hyperparameter = self.space[name]
            if isinstance(value, float) and is_range(hyperparameter):
                lower, upper = (float(end) for end in legal_values(hyperparameter))
                values[name] = min(max(float(f"{value:.4g}"), lower), upper)
        return values


def _flat(values: Mapping[str, Any]) -> Configuration:
    return Configuration({base_name(name): plain(value) for name, value in values.items()})


def _legal(hyperparameter: Hyperparameter[Any, Any], value: Value) -> bool:
    """Like ConfigSpace's `legal_value`, but types count: a rank of 8.0 or True is not 8 (a dropout of 0 is 0.0)."""
    values = legal_values(hyperparameter)
    kind = type(values[0])
    same = type(value) is kind or (kind is float and type(value) is int)
    if not same:
        return False
    if not is_range(hyperparameter):
        return value in values
    return values[0] <= value <= values[-1]  # pyright: ignore[reportOperatorIssue] - a range holds numbers only


def _scale(entry: dict[str, Any], factor: float) -> None:
    """Multiply the numbers of a serialized hyperparameter, in place."""
    for key in ("lower", "upper", "default_value", "value"):
        if key in entry:
            entry[key] = _three_digits(entry[key] * factor)
    if "sequence" in entry:
        entry["sequence"] = [_three_digits(value * factor) for value in entry["sequence"]]


def _keep_values(entry: dict[str, Any], values: Collection[str], space: str) -> None:
    """Leave only these values of a serialized choice or constant, in place."""
    choices = entry.get("choices") or entry.get("sequence") or [entry.get("value")]
    kept = [choice for choice in choices if choice in values]
    if not kept:
        raise ConfigurationError(
            f"search space {space!r} adapts {', '.join(map(str, choices))} only, which this base model lacks; "
            f"add {' or '.join(values)} to its target_modules"
        )
    if "choices" in entry and entry.get("weights"):
        entry["weights"] = [weight for choice, weight in zip(choices, entry["weights"], strict=True) if choice in kept]
    for key in ("choices", "sequence"):
        if key in entry:
            entry[key] = kept
    if entry.get("default_value") not in {None, *kept}:
        entry["default_value"] = kept[0]


def _three_digits(value: float) -> float:
    return round(value, 2 - math.floor(math.log10(abs(value)))) if value else 0.0
