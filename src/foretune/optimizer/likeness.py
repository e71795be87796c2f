"""Which of some configurations is most like another, whatever search space or tool they are of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.types import Configuration, Value


def most_like(wanted: Configuration, among: Sequence[Configuration]) -> Configuration:
    """The first of those with the least sum of differences, over all hyperparameters that `wanted` has: of numbers the
    natural logarithm of their ratio, and 1 where words differ or one of the two is lacking."""
    return min(among, key=lambda one: sum(_apart(value, one.values.get(name)) for name, value in wanted.values.items()))


def _apart(wanted: Value, given: Value | None) -> float:
    if wanted == given:
        return 0.0
    if isinstance(wanted, str | bool) or given is None or isinstance(given, str | bool):
        return 1.0
    # Nothing, such as no dropout, is not infinitely far from a little.
    return abs(math.log(wanted / given)) if wanted > 0 and given > 0 else min(abs(wanted - given), 1.0)
