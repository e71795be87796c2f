"""A fixed order of configurations, each trained to the end: a portfolio, a ranking, or the default alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.optimizer.registry import Search
from foretune.optimizer.standing import next_run
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


def default_only(search: Search) -> Ordered:
    """The default alone."""
    return Ordered(search.task, [search.default], cost=search.cost)


class Ordered:
    """Follows an order that was made elsewhere, such as by `foretune.metadata.orders`."""

    def __init__(self, task: Task, order: Sequence[Configuration], *, cost: CostSurrogate | None = None) -> None:
        self._task = task
        self._order = list(dict.fromkeys(order))
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        return next_run(self._order, self._history, self._task, self._cost, seconds_left, pending)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
