"""A budget in predicted seconds: the same search on any machine, however busy it is, in more or less time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foretune.optimizer import Optimizer
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import LearningCurve, Report, Task, Trial


class PredictedTime:
    """An optimizer that is told, of every slice, the seconds that were predicted of it and not those it took.

    What it chooses then depends on scores alone, and these are the same on machines that compute alike.
    """

    def __init__(self, optimizer: Optimizer, task: Task, cost: CostSurrogate, seconds: float) -> None:
        """Nothing is spent yet.

        Args:
            optimizer: chooses.
            task: what is finetuned.
            cost: predicts the seconds of slices.
            seconds: of the budget, on the machine of the recorded runs.
        """
        self._optimizer = optimizer
        self._task = task
        self._cost = cost
        self._left = seconds

    @property
    def left(self) -> float:
        """Predicted seconds that are left."""
        return self._left

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`; the seconds that are left are those that were predicted."""
        return self._optimizer.ask(min(seconds_left, self._left), pending)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        trial = report.trial
        fidelities = np.arange(1, trial.fidelity + 1)
        seconds = self._cost.predict(self._task, [trial.configuration] * len(fidelities), fidelities)
        price = float(seconds[trial.resumes_from :].sum())
        self._left -= price
        curve = LearningCurve(report.curve.scores, seconds[: len(report.curve)])
        self._optimizer.tell(replace(report, curve=curve, seconds=price))
