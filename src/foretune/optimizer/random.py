"""Random search: the default, then candidates in a random order, each trained to the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from foretune.optimizer.standing import next_run
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


class RandomSearch:
    """Learns nothing; the cost surrogate, where given, only keeps it from starting what does not fit."""

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Configuration],
        *,
        first: Configuration | None = None,
        cost: CostSurrogate | None = None,
        seed: int = 0,
    ) -> None:
        """Args: see `make_optimizer`; `first` is trained before all others, so that all methods start from the same."""
        drawn = [candidates[index] for index in np.random.default_rng(seed).permutation(len(candidates))]
        self._task = task
        self._order = drawn if first is None else list(dict.fromkeys([first, *drawn]))
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf) -> Trial | None:
        """See `Optimizer.ask`."""
        return next_run(self._order, self._history, self._task, self._cost, seconds_left)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
