"""Successive halving over slices: many configurations begin, the better part of them goes on, and so on to the end.

Configurations are taken from an order in brackets. With the factor eta and runs of T slices, the rungs of a bracket are
at T, T / eta, T / eta^2, ... slices (rounded up), and as many configurations begin as one at the top needs: eta to the
number of rungs below it. At every rung the best 1 / eta by their best slice so far go on (Jamieson & Talwalkar, 2016).
When a bracket is done, the next part of the order begins. With a portfolio as order this is PoSH (auto-sklearn 2.0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from foretune.optimizer.standing import Standing, next_run, next_slices, standing_of
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


class SuccessiveHalving:
    """Brackets of an order; `first`, where given, is trained to the end before them."""

    def __init__(
        self,
        task: Task,
        order: Sequence[Configuration],
        *,
        first: Configuration | None = None,
        eta: int = 2,
        cost: CostSurrogate | None = None,
    ) -> None:
        self._task = task
        self._first = [] if first is None else [first]
        self._order = [one for one in dict.fromkeys(order) if one != first]
        self._rungs = rungs(task.max_fidelity, eta)
        self._eta = eta
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        if trial := next_run(self._first, self._history, self._task, self._cost, seconds_left, pending):
            return trial
        standing = standing_of(self._history, pending)
        size = self._eta ** (len(self._rungs) - 1)
        for start in range(0, len(self._order), size):
            group = self._order[start : start + size]
            for rung in self._rungs:
                if any(standing.is_open(one, rung) for one in group):
                    return next_slices(group, rung, self._history, self._task, self._cost, seconds_left, pending)
                if any(standing.is_awaited(one, rung) for one in group):
                    break  # who goes on is not decided yet, so the next bracket begins
                group = best_of(group, max(1, len(group) // self._eta), standing)
        return None

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)


def rungs(max_fidelity: int, eta: int) -> tuple[int, ...]:
    """Fidelities at which a bracket stops to choose; the last one is the complete run."""
    found = [max_fidelity]
    while found[0] > 1:
        found.insert(0, math.ceil(found[0] / eta))
    return tuple(found)


def best_of(configurations: Sequence[Configuration], count: int, standing: Standing) -> list[Configuration]:
    """The `count` of these with the best slice so far, best first; those that ended badly are not among them."""
    alive = [one for one in configurations if one.key not in standing.closed]
    scores = [float(standing.curves[one.key].scores.max()) for one in alive]
    return [alive[index] for index in np.argsort(-np.array(scores), kind="stable")[:count]]
