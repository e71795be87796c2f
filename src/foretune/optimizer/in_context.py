"""Transfer in context: the surrogate's weights stay as they are, and all that was seen of the new task counts.

The default configuration is trained first. Then the configuration that looks best is trained, a slice at a time, and
after every slice all predictions are made anew from everything seen so far. A run is left when it is no longer expected
to get far enough (`patience`); what looks best then comes next. Near the end of the budget a candidate is judged by the
slices that can still be paid for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float

from foretune.acquisition import expected_improvement, hope, per_cost
from foretune.optimizer.standing import (
    Standing,
    incumbent_score,
    local_offset,
    next_run,
    slice_seconds,
    standing_of,
)
from foretune.surrogate.inputs import zero_shot_score
from foretune.surrogate.protocol import Predictor, Surrogates
from foretune.types import Configuration, Prediction, Report, Task, Trial


class TransferInContext:
    """The most promising configuration, one at a time.

    Args:
        task: what is finetuned.
        candidates: the pool; the first one, by convention the default, is trained first.
        surrogates: fitted on other tasks.
        cost_power: 0 takes the configuration with the best expected score, whatever it costs; above that, expected
            improvement per second to this power decides.
        patience: a run goes on while one so many standard deviations better than predicted would beat the incumbent.
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Configuration],
        *,
        surrogates: Surrogates,
        cost_power: float = 0.0,
        patience: float = 2.0,
    ) -> None:
        self._task = task
        self._pool = list(dict.fromkeys(candidates))
        self._surrogates = surrogates
        self._cost_power = cost_power
        self._patience = patience
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf) -> Trial | None:
        """See `Optimizer.ask`."""
        if first := self._first(seconds_left):
            return first
        standing = standing_of(self._history)
        payable = self._payable(standing, seconds_left)
        if seconds_left <= 0 or not payable.any():
            return None
        predicted = self._predictor(standing.curves)
        under_way = self._under_way(standing)
        if under_way is None or not self._is_promising(under_way, predicted, payable, standing):
            under_way = int(np.argmax(self._worth(predicted, payable, standing)))
        chosen = self._pool[under_way]
        seen = standing.seen(chosen)
        return Trial(len(self._history), chosen, fidelity=seen + 1, resumes_from=seen)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)

    def _first(self, seconds_left: float) -> Trial | None:
        return next_run(self._pool[:1], self._history, self._task, self._surrogates.cost, seconds_left)

    @cached_property
    def _predictor(self) -> Predictor:
        return self._surrogates.performance.on(self._task, self._pool)

    @cached_property
    def _slice_seconds(self) -> Float[np.ndarray, "n t"]:
        return slice_seconds(self._task, self._pool, self._surrogates.cost)

    def _payable(self, standing: Standing, seconds_left: float) -> np.ndarray:
        """(N, T) slices that are still to be trained and can be paid for."""
        fidelities = self._task.max_fidelity
        seen = np.array([standing.seen(one) for one in self._pool])
        is_open = np.array([standing.is_open(one, fidelities) for one in self._pool])
        coming = (np.arange(fidelities) >= seen[:, None]) & is_open[:, None]
        return coming & (self._spent(coming) <= seconds_left)

    def _spent(self, coming: np.ndarray) -> Float[np.ndarray, "n t"]:
        """Seconds until the end of every slice, from where each configuration stands."""
        offset = math.exp(local_offset(self._task, self._history, self._surrogates.cost))
        return np.cumsum(np.where(coming, self._slice_seconds * offset, 0.0), axis=1)

    def _under_way(self, standing: Standing) -> int | None:
        """The configuration that was trained last, unless it is done."""
        last = self._history[-1].trial.configuration if self._history else self._pool[0]
        is_open = standing.seen(last) and standing.is_open(last, self._task.max_fidelity)
        return self._pool.index(last) if is_open and last in self._pool else None

    def _is_promising(self, place: int, predicted: Prediction, payable: np.ndarray, standing: Standing) -> bool:
        within = payable[place]
        if not within.any():
            return False
        coming = Prediction(predicted.mean[place, within], predicted.std[place, within])
        return float(hope(coming, self._patience).max()) > self._incumbent(standing)

    def _incumbent(self, standing: Standing) -> float:
        return incumbent_score(standing, zero_shot_score(self._task))

    def _worth(self, predicted: Prediction, payable: np.ndarray, standing: Standing) -> Float[np.ndarray, " n"]:
        values = predicted.mean
        if self._cost_power:
            improvement = expected_improvement(predicted, self._incumbent(standing))
            values = np.full(payable.shape, -np.inf)
            values[payable] = per_cost(improvement[payable], self._spent(payable)[payable], self._cost_power)
        return np.where(payable, values, -np.inf).max(axis=1)
