"""Transfer only: what was learned on other tasks orders the candidates; nothing is refit on the new task.

The paper's method: Quick-Tune's grey-box loop without task-specific Bayesian optimization, which makes it a portfolio
builder that knows the dataset. The default configuration is trained first. Then, at every ask, each candidate's scores
at its coming fidelities are predicted given its own curve so far, and the slice with the most expected improvement over
the incumbent, weighed against predicted seconds, is trained next. Observed scores move the incumbent and extend the
curves, observed seconds shift the cost surrogate's unit; that is all the new task changes.

Symbols (an array's shape is in brackets):

    n   candidates of the portfolio, T fidelities
    mu, sigma   (n, T) predicted scores
    y*          the incumbent's score
    EI          (n, T) expected improvement E[max(Y - y*, 0)], Y ~ N(mu, sigma^2)
    c           (n, T) predicted seconds of each slice, shifted to the hardware at hand
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from foretune.acquisition import expected_improvement, per_cost
from foretune.optimizer.machine_correction import MachineCorrection, slice_seconds
from foretune.optimizer.registry import Search
from foretune.optimizer.state import SearchState, incumbent_score, state_of
from foretune.surrogate.inputs import zero_shot_score
from foretune.surrogate.protocol import Predictor, Surrogates
from foretune.types import Configuration, Prediction, Report, Task, Trial

Horizon = Literal["next", "final", "best"]
"""How far ahead a slice is judged, see `worth`."""


def transfer(search: Search, **options: Any) -> Transfer:
    """Of a search; see the class for the options."""
    return Transfer(search.task, search.pool, surrogates=search.learned("transfer"), **options)


class Transfer:
    """One slice at a time, by expected improvement per second.

    Args:
        task: what is finetuned.
        candidates: the pool; the first one, by convention the default, is trained first.
        surrogates: fitted on other tasks.
        horizon: how far ahead a slice is judged.
        cost_power: expected improvement is divided by the seconds it takes to this power.
        portfolio: so many candidates are looked at, the best of those that are not done by predictions before any
            training.
    """

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
        self._correction = MachineCorrection(task, self._pool, surrogates.cost)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        state = state_of(self._history, pending)
        fidelities = self._task.max_fidelity
        open_ones = (index for index, one in enumerate(self._pool) if state.is_open(one, fidelities))
        pool = list(islice(open_ones, self._portfolio))
        if not pool or seconds_left <= 0:
            return None
        untrained = np.array([np.arange(fidelities) >= state.seen(self._pool[index]) for index in pool])
        improvement = np.where(untrained, self._improvement(pool, state), np.nan)
        seconds = np.where(untrained, self._slice_seconds[pool] * self._correction.factors[pool, None], 0.0)
        values = worth(improvement, seconds, self._horizon, seconds_left, self._cost_power)
        best = int(np.argmax(values))
        if pool[0] == 0 and seconds[0].sum() <= seconds_left:
            best = 0  # the default goes first: a search should not end below what needs no search
        if not math.isfinite(values[best]):
            return None
        chosen = self._pool[pool[best]]
        seen = state.seen(chosen)
        return Trial(len(self._history) + len(pending), chosen, fidelity=seen + 1, resumes_from=seen)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
        self._correction.tell(report)

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

    def _improvement(self, pool: Sequence[int], state: SearchState) -> Float[np.ndarray, "n t"]:
        """Expected improvement at every fidelity; entries already trained are meaningless."""
        predicted = self._predictor(state.curves)
        incumbent = incumbent_score(state, zero_shot_score(self._task))
        return expected_improvement(Prediction(predicted.mean[pool], predicted.std[pool]), incumbent)


def worth(
    improvement: Float[np.ndarray, "n t"],
    seconds: Float[np.ndarray, "n t"],
    horizon: Horizon,
    seconds_left: float = math.inf,
    power: float = 1.0,
) -> Float[np.ndarray, " n"]:
    """The worth of training each candidate one slice further.

    Column f of both arrays stands for fidelity f + 1. "next" is the rule of Quick-Tune (Arango et al., 2024): expected
    improvement after the next slice, per second of that slice. It is short-sighted here: a fresh candidate can hardly
    beat an incumbent that was trained to the end after one slice of its own. "final" looks at the last fidelity that
    can still be paid for, per second of all that is left until then; "best" takes the fidelity at which that ratio is
    largest, so that a run is also judged by the point where it peaks.

    Args:
        improvement: expected improvement at every fidelity; NaN where already trained.
        seconds: cost of each slice alone; 0 where already trained.
        horizon: how far ahead.
        seconds_left: what may still be spent; a candidate whose next slice costs more is worth -inf.
        power: of the seconds, see `per_cost`.

    Returns:
        (N,) improvement per second, -inf for what cannot be trained further or paid for.
    """
    spent = np.cumsum(seconds, axis=1)
    reachable = ~np.isnan(improvement) & (spent <= seconds_left)
    ratio = np.full(improvement.shape, -np.inf)
    ratio[reachable] = per_cost(improvement[reachable], spent[reachable], power)
    if horizon == "best":
        return ratio.max(axis=1)
    first = np.argmax(reachable, axis=1)
    last = reachable.shape[1] - 1 - np.argmax(reachable[:, ::-1], axis=1)
    column = first if horizon == "next" else last
    # Where nothing is reachable every ratio is -inf, whichever column argmax fell on.
    return ratio[np.arange(len(ratio)), column]
