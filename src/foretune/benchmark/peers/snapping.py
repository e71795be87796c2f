"""Snapping: a table holds only some configurations, so a proposal becomes the recorded configuration that is nearest.

The distance is Gower's (1971), the mean over hyperparameters of differences between 0 and 1:

- numbers: the difference of their places on the unit scale of the native space (`Parameter.place`), where a learning
  rate is placed within the range of its own method;
- choices: 0 where they are equal, 1 where not;
- a hyperparameter that only one of the two configurations has: 1; that neither has: 0.

Of configurations that are equally near, the first of the table is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from foretune.benchmark.peers.native_space import NativeSpace
from foretune.space.vocabulary import base_name
from foretune.types import Configuration, Value

Places = Mapping[str, float | Value]
"""Hyperparameter, without its variant -> place of a number, or the word."""


def places(named: Mapping[str, Value], space: NativeSpace) -> Places:
    """Of values by the names of the space."""
    found: dict[str, float | Value] = {}
    for name, value in named.items():
        one = space.by_name[name]
        found[base_name(name)] = value if one.kind == "choice" else one.place(value)
    return found


def distance(one: Places, other: Places, hyperparameters: int) -> float:
    """Gower's, over so many hyperparameters."""
    return sum(_apart(one.get(name), other.get(name)) for name in one.keys() | other.keys()) / hyperparameters


def _apart(one: float | Value | None, other: float | Value | None) -> float:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other)
    return 0.0 if one == other else 1.0


class Pool:
    """Recorded configurations to snap to."""

    def __init__(self, candidates: Sequence[Configuration], space: NativeSpace) -> None:
        self._space = space
        self._hyperparameters = len({base_name(one.name) for one in space.parameters})
        self._places = {one: places(space.named(one), space) for one in candidates}

    def nearest(self, named: Mapping[str, Value], taken: Collection[Configuration]) -> Configuration | None:
        """The nearest configuration that is not taken; None if all are.

        Args:
            named: what was proposed, by the names of the space.
            taken: what must not be given again.
        """
        wanted = places(named, self._space)
        free = [one for one in self._places if one not in taken]
        apart = {one: distance(wanted, self._places[one], self._hyperparameters) for one in free}
        return min(free, key=apart.__getitem__, default=None)
