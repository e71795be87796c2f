"""The oracle: it knows every answer, and shows how low regret can be within a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from foretune.benchmark.replay import RecordedTask, Recording
from foretune.optimizer.state import state_of
from foretune.types import Configuration, Report, Trial


class Oracle:
    """Trains what reaches the best score within the seconds that are left, up to its best slice, then the next best.

    No contestant: it looks at the recorded answers. Its first trial is the best that one run can do with a budget. With
    `first` it is the bound of what begins with that.
    """

    def __init__(self, recorded: RecordedTask, first: Configuration | None = None) -> None:
        self._recorded = recorded
        self._first = first
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        state = state_of(self._history, pending)
        tried = state.curves.keys() | state.pending.keys()
        if self._first and self._first.key not in tried:
            return Trial(len(self._history) + len(pending), self._first, self._recorded.task.max_fidelity)
        reachable = [
            (float(recording.curve.scores[:slices].max()), recording)
            for key, recording in self._recorded.recordings.items()
            if key not in tried and (slices := _affordable(recording, seconds_left))
        ]
        if not reachable:
            return None
        score, recording = max(reachable, key=lambda one: one[0])
        fidelity = int(np.argmax(recording.curve.scores == score)) + 1
        return Trial(len(self._history) + len(pending), recording.configuration, fidelity)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)


def _affordable(recording: Recording, seconds: float) -> int:
    return int((np.cumsum(recording.curve.seconds) <= seconds * (1 + 1e-9)).sum())
