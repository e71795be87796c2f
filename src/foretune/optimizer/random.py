"""Random search: the default, then candidates in a random order, each trained to the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretune.optimizer.ordered import Ordered
from foretune.optimizer.registry import Search
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Task


def random(search: Search) -> Ordered:
    """Of a search."""
    return random_search(search.task, search.candidates, first=search.default, cost=search.cost, seed=search.seed)


def random_search(
    task: Task,
    candidates: Sequence[Configuration],
    *,
    first: Configuration | None = None,
    cost: CostSurrogate | None = None,
    seed: int = 0,
) -> Ordered:
    """Learns nothing; the cost surrogate, where given, only keeps it from starting what does not fit.

    Args:
        task: what is finetuned.
        candidates: the pool.
        first: trained before all others, so that all methods start from the same.
        cost: predicts seconds.
        seed: of the order.
    """
    drawn = [candidates[index] for index in np.random.default_rng(seed).permutation(len(candidates))]
    return Ordered(task, drawn if first is None else [first, *drawn], cost=cost)
