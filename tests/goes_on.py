"""A search that trains a slow default, a slice of another configuration, and then goes on from the best: for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.optimizer import Search
from foretune.optimizer.going_on import going_on
from foretune.optimizer.state import next_run
from foretune.surrogate.cost import EvenCost
from foretune.types import Configuration, Report, Trial

LEARNING_RATE = 0.003
"""So low that the run can be trained on: after one at the default's rate, that depends on the processor."""


class GoesOn:
    """An optimizer, to be named as `goes_on:GoesOn`."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        default, second, *_ = self._search.pool
        first = Configuration({**default.values, "learning_rate": LEARNING_RATE})
        given = self._history, self._search.task, EvenCost(), seconds_left, pending
        return (
            next_run([first], *given)
            or next_run([second], *given, fidelity=1)
            or going_on(self._search.task, self._history, EvenCost(), seconds_left, pending)
        )

    def tell(self, report: Report) -> None:
        self._history = (*self._history, report)
