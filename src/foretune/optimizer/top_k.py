"""One slice of many configurations, then the best of them to the end: the simplest use of early learning curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.optimizer.standing import next_run, next_slices, standing_of
from foretune.optimizer.successive_halving import best_of
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


class OneSliceTopK:
    """Takes an order in parts: `count` configurations get a slice each, the best `keep` of them are trained to the end.

    `first`, where given, is trained to the end before them.
    """

    def __init__(
        self,
        task: Task,
        order: Sequence[Configuration],
        *,
        first: Configuration | None = None,
        count: int = 12,
        keep: int = 3,
        cost: CostSurrogate | None = None,
    ) -> None:
        self._task = task
        self._first = [] if first is None else [first]
        self._order = [one for one in dict.fromkeys(order) if one != first]
        self._count = count
        self._keep = keep
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        if trial := next_run(self._first, self._history, self._task, self._cost, seconds_left, pending):
            return trial
        standing = standing_of(self._history, pending)
        for start in range(0, len(self._order), self._count):
            group = self._order[start : start + self._count]
            if any(standing.is_open(one, 1) for one in group):
                return next_slices(group, 1, self._history, self._task, self._cost, seconds_left, pending)
            if any(standing.is_awaited(one, 1) for one in group):
                continue
            best = best_of(group, self._keep, standing)
            if any(standing.is_open(one, self._task.max_fidelity) for one in best):
                return next_run(best, self._history, self._task, self._cost, seconds_left, pending)
        return None

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
