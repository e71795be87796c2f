"""Whether a ConfigSpace space is one that the engine can train every configuration of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import ConfigSpace

from foretune.errors import ConfigurationError
from foretune.space.domain import Activity, activity, legal_values
from foretune.space.vocabulary import COMMON, NEEDS, base_name, not_understood
from foretune.types import Value


def check_space(name: str, space: ConfigSpace.ConfigurationSpace) -> None:
    """Raise a `ConfigurationError` that lists all that is wrong with a search space."""
    if "method" not in space:
        raise ConfigurationError(f"search space {name!r} lacks 'method'; list it as a categorical hyperparameter")
    problems = [*_values(space), *_clashes(space), *_gaps(space)]
    if problems:
        raise ConfigurationError(f"search space {name!r}: " + "; ".join(problems))


def _values(space: ConfigSpace.ConfigurationSpace) -> Iterator[str]:
    """Names and values that the engine does not understand."""
    for name, hyperparameter in space.items():
        problem = not_understood(name, legal_values(hyperparameter))
        if problem:
            yield problem


def _clashes(space: ConfigSpace.ConfigurationSpace) -> Iterator[str]:
    """Variants of one hyperparameter that could exist at once."""
    for first, second in combinations(space, 2):
        if base_name(first) == base_name(second) and not _disjoint(activity(space, first), activity(space, second)):
            yield f"{first!r} and {second!r} can be active at once; let them depend on different values of one parent"


def _disjoint(first: Activity | None, second: Activity | None) -> bool:
    if first is None or second is None or first.parent != second.parent:
        return False
    return not set(first.values) & set(second.values)


def _gaps(space: ConfigSpace.ConfigurationSpace) -> Iterator[str]:
    """Hyperparameters that a method needs and the space does not give it."""
    for method in legal_values(space["method"]):
        given = {base_name(name) for name in space if _may_exist(activity(space, name), method)}
        missing = [name for name in (*COMMON, *NEEDS.get(str(method), ())) if name not in given]
        if missing:
            yield f"method {method} needs {', '.join(missing)}; add them (type constant: not searched)"


def _may_exist(when: Activity | None, method: Value) -> bool:
    return when is None or when.parent != "method" or method in when.values
