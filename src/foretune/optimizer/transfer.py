"""Transfer only: what was learned on other tasks orders the candidates; nothing is refit on the new task.

The method of the source paper (Strangmann et al., arXiv 2411.01195). The default configuration is trained first. Then,
at every ask, each candidate's scores at its coming fidelities are predicted given its own curve so far, and the slice
with the most expected improvement over the incumbent, weighed against predicted seconds, is trained next. Observed
scores move the incumbent and extend the curves, observed seconds shift the cost surrogate's unit; that is all the new
task changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import islice

import numpy as np
from jaxtyping import Float

from foretune.acquisition import Horizon, expected_improvement, worth
from foretune.optimizer.local_cost import LocalCost
from foretune.optimizer.standing import Standing, incumbent_score, slice_seconds, standing_of
from foretune.surrogate.inputs import zero_shot_score
from foretune.surrogate.protocol import Predictor, Surrogates
from foretune.types import Configuration, Prediction, Report, Task, Trial


class Transfer:
    """One slice at a time, by expected improvement per second."""

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Configuration],
        *,
        surrogates: Surrogates,
        horizon: Horizon = "final",
        cost_power: float = 0.3,
        portfolio: int = 12,
    ) -> None:
        self._task = task
        self._candidates = list(dict.fromkeys(candidates))
        self._portfolio = portfolio
        self._surrogates = surrogates
        self._horizon: Horizon = horizon
        self._cost_power = cost_power
        self._history: tuple[Report, ...] = ()
        self._local_cost = LocalCost(task, self._pool, surrogates.cost)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        standing = standing_of(self._history, pending)
        fidelities = self._task.max_fidelity
        open_ones = (index for index, one in enumerate(self._pool) if standing.is_open(one, fidelities))
        pool = list(islice(open_ones, self._portfolio))
        if not pool or seconds_left <= 0:
            return None
        untrained = np.array([np.arange(fidelities) >= standing.seen(self._pool[index]) for index in pool])
        improvement = np.where(untrained, self._improvement(pool, standing), np.nan)
        seconds = np.where(untrained, self._slice_seconds[pool] * self._local_cost.factors[pool, None], 0.0)
        values = worth(improvement, seconds, self._horizon, seconds_left, self._cost_power)
        best = int(np.argmax(values))
        if pool[0] == 0 and seconds[0].sum() <= seconds_left:
            best = 0  # the default goes first: a search should not end below what needs no search
        if not math.isfinite(values[best]):
            return None
        chosen = self._pool[pool[best]]
        seen = standing.seen(chosen)
        return Trial(len(self._history) + len(pending), chosen, fidelity=seen + 1, resumes_from=seen)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
        self._local_cost.tell(report)

    @cached_property
    def _predictor(self) -> Predictor:
        return self._surrogates.performance.on(self._task, self._pool)

    @cached_property
    def _pool(self) -> list[Configuration]:
        """The first candidate (the default, by convention), then the others by their predictions before any training.

        At any time the first few open ones make up the portfolio. Expected improvement over hundreds of candidates,
        each as uncertain as the surrogate is about a new task, would spend the budget on first slices: there is always
        another one that might be better.
        """
        first, *others = self._candidates
        if not others:
            return [first]
        predicted = self._surrogates.performance.on(self._task, others)({})
        return [first, *(others[index] for index in np.argsort(-predicted.mean[:, -1], kind="stable"))]

    @cached_property
    def _slice_seconds(self) -> Float[np.ndarray, "n t"]:
        return slice_seconds(self._task, self._pool, self._surrogates.cost)

    def _improvement(self, pool: Sequence[int], standing: Standing) -> Float[np.ndarray, "n t"]:
        """Expected improvement at every fidelity; entries already trained are meaningless."""
        predicted = self._predictor(standing.curves)
        incumbent = incumbent_score(standing, zero_shot_score(self._task))
        return expected_improvement(Prediction(predicted.mean[pool], predicted.std[pool]), incumbent)
