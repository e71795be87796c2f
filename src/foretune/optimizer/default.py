"""The default configuration, trained to the end, and nothing after it: what most people do."""

from __future__ import annotations

import math

from foretune.optimizer.standing import next_run
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


class DefaultOnly:
    """Answers one configuration."""

    def __init__(self, task: Task, default: Configuration, *, cost: CostSurrogate | None = None) -> None:
        self._task = task
        self._default = default
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf) -> Trial | None:
        """See `Optimizer.ask`."""
        return next_run([self._default], self._history, self._task, self._cost, seconds_left)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
