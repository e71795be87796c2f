"""Which of some configurations is most like another, whatever search space or tool they are of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.types import Configuration, Value

_ABOVE_ALL = 10.0


def most_like(wanted: Configuration, among: Sequence[Configuration], above_all: str = "") -> Configuration:
    """The first of those with the least sum of differences.

    Args:
        wanted: all of whose hyperparameters count: numbers by the natural logarithm of their ratio, words by 1 where
            they differ, and so does what is lacking.
        among: to choose from.
        above_all: the hyperparameter that counts ten times as much as another, if any.
    """

    def difference(one: Configuration) -> float:
        parts = {name: _apart(value, one.values.get(name)) for name, value in wanted.values.items()}
        return sum(part * (_ABOVE_ALL if name == above_all else 1.0) for name, part in parts.items())

    return min(among, key=difference)


def _apart(wanted: Value, given: Value | None) -> float:
    if wanted == given:
        return 0.0
    if isinstance(wanted, str | bool) or given is None or isinstance(given, str | bool):
        return 1.0
    # Nothing, such as no dropout, is not infinitely far from a little.
    return abs(math.log(wanted / given)) if wanted > 0 and given > 0 else min(abs(wanted - given), 1.0)
