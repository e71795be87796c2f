"""Which tasks are held out together when it is measured how good surrogates are on tasks that they have never seen.

Points of one curve, or runs of one task, never sit on both sides: that would measure interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretune.surrogate.examples import Run, by_task

_FAMILIES_ENOUGH = 4


def folds(runs: Sequence[Run], count: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Ids of tasks to hold out, fold by fold. Families stay together where there are at least four, else tasks do."""
    families = {name: group[0].family for name, group in by_task(runs).items()}
    if len(set(families.values())) < _FAMILIES_ENOUGH:
        families = {name: name for name in families}
    groups = sorted(set(families.values()))
    shuffled = [groups[index] for index in rng.permutation(len(groups))]
    # Large families first, each into the smallest fold so far.
    sizes = {group: sum(family == group for family in families.values()) for group in groups}
    parts: list[list[str]] = [[] for _ in range(min(count, len(groups)))]
    for group in sorted(shuffled, key=lambda name: -sizes[name]):
        smallest = min(parts, key=len)
        smallest += [name for name, family in families.items() if family == group]
    return [tuple(part) for part in parts]
