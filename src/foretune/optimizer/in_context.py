"""Transfer in context: a portfolio that learns. Nothing is fitted during a search, and every slice counts.

Each earlier task is a hypothesis of how the new task will turn out, and has a probability
(`foretune.surrogate.in_context`). The next configuration is the one of greatest expected improvement under these
hypotheses. After the default, equally likely hypotheses would make this the second choice of a greedy portfolio; a
single one would make it the ranking of that task. After each slice the probabilities are updated.

1. The default configuration is trained first: its curve says most about the task. Only where the time would not suffice
   for anything else, and the base model or the dataset is known, does the most promising configuration come first.
2. A run is trained as long as it is expected to beat the best score so far.
3. Once complete, the best run goes on in another one (`foretune.optimizer.going_on`), unless only recorded runs can be
   had.
4. Then the configuration of greatest expected improvement is trained, as far as the time left allows.

Symbols:
    N candidates i, T slices t, M hypotheses k.
    g: (M, N, T) gains under each hypothesis, p: (M,) their probabilities (`foretune.surrogate.protocol.Outcomes`).
    b: the best gain so far, 0 for the untrained model.

    worth of a candidate        max_t sum_k p_k E[max(G - b, 0)],  G ~ N(g_kit, own^2),  over the slices t in reach
    a run goes on while         max_t sum_k p_k g_kit > b

Trials that are under way elsewhere are taken to end as predicted (the "kriging believer" of Ginsbourger et al., 2010).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from foretune.acquisition import expected_improvement
from foretune.errors import SurrogateError
from foretune.optimizer.going_on import going_on
from foretune.optimizer.machine_correction import MachineCorrection, slice_seconds
from foretune.optimizer.registry import Search
from foretune.optimizer.state import SearchState, next_run, state_of
from foretune.surrogate.gains import gain_scale
from foretune.surrogate.protocol import Outcomes, PredictsOutcomes, Surrogates
from foretune.types import Configuration, LearningCurve, Prediction, Report, Task, Trial

_LEAST_SLICES = 3
"""Slices that a run gets before it may be left: the first two say little about the end."""
_ROOM = 0.5
"""The default comes first if this share of the most promising run still fits into the time after it."""


def transfer_in_context(search: Search) -> TransferInContext:
    """Of a search."""
    surrogates = search.learned("transfer-in-context")
    return TransferInContext(search.task, search.pool, surrogates=surrogates, goes_on=not search.only_candidates)


class TransferInContext:
    """The configuration of greatest expected improvement, a slice at a time.

    Args:
        task: to be finetuned.
        candidates: the pool; the first of them is the default.
        surrogates: fitted on other tasks.
        goes_on: whether a run can begin with the adapter of another.

    Raises:
        SurrogateError: if the surrogates don't know earlier tasks one by one.
    """

    def __init__(
        self, task: Task, candidates: Sequence[Configuration], *, surrogates: Surrogates, goes_on: bool = False
    ) -> None:
        self._task = task
        self._pool = list(dict.fromkeys(candidates))
        self._surrogates = surrogates
        self._goes_on = goes_on
        self._scale = gain_scale(task)
        self._history: tuple[Report, ...] = ()
        self._correction = MachineCorrection(task, self._pool, surrogates.cost)
        self._predictor = _predictor(task, self._pool, surrogates)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        state = state_of(self._history, pending)
        if self._is_default_due(state, seconds_left) and (
            trial := next_run(self._pool[:1], self._history, self._task, self._surrogates.cost, seconds_left, pending)
        ):
            return trial
        payable = self._payable(state, seconds_left)
        believed = self._believed(state)
        outcomes, best = self._predictor.outcomes(believed.curves), self._best_gain(believed)
        place = self._under_way(state)
        if place is None or not self._stays(place, outcomes, payable[place], best):
            if self._goes_on and (
                trial := going_on(self._task, self._history, self._surrogates.cost, seconds_left, pending)
            ):
                return trial
            if seconds_left <= 0 or not payable.any():
                return None
            place = int(np.argmax(_worth(outcomes, payable, best)))
        chosen = self._pool[place]
        seen = state.seen(chosen)
        return Trial(len(self._history) + len(pending), chosen, fidelity=seen + 1, resumes_from=seen)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
        self._correction.tell(report)

    def _is_default_due(self, state: SearchState, seconds_left: float) -> bool:
        default = self._pool[0]
        if not state.is_open(default, self._task.max_fidelity):
            return False
        return bool(state.seen(default)) or (self._is_first_due(state) and self._has_room(seconds_left))

    def _is_first_due(self, state: SearchState) -> bool:
        """Whether nothing was tried, or what was tried first is lost: of trials at the same time a kill may leave the
        later ones alone."""
        return not state.pending and all(report.trial.id for report in self._history)

    def _has_room(self, seconds_left: float) -> bool:
        """Whether enough of the most promising run fits into the time after the default, or nothing is known of it."""
        if not self._predictor.is_familiar:
            return True
        best = int(np.argmax(self._predictor.outcomes({}).mean.max(axis=1)))
        default, wanted = self._slice_seconds[[0, best]].sum(axis=1)
        return best == 0 or bool(default + _ROOM * wanted <= seconds_left)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.key: place for place, one in enumerate(self._pool)}

    @cached_property
    def _slice_seconds(self) -> Float[np.ndarray, "N T"]:
        return slice_seconds(self._task, self._pool, self._surrogates.cost)

    def _best_gain(self, state: SearchState) -> float:
        """b, of all slices so far; that of the untrained model is known only where gains are relative to its loss."""
        untrained = -math.inf if self._scale.zero_shot is None else 0.0
        curves = (curve for curve in state.curves.values() if len(curve))
        return max([untrained, *(float(self._scale.gains(curve.scores).max()) for curve in curves)])

    def _payable(self, state: SearchState, seconds_left: float) -> Bool[np.ndarray, "N T"]:
        """Slices that are not trained yet and can be reached within the time left."""
        slices = self._task.max_fidelity
        seen = np.array([state.seen(one) for one in self._pool])
        is_open = np.array([state.is_open(one, slices) for one in self._pool])
        coming = is_open[:, None] & (np.arange(slices) >= seen[:, None])
        seconds = self._slice_seconds * self._correction.factors[:, None]
        return coming & (np.cumsum(np.where(coming, seconds, 0.0), axis=1) <= seconds_left)

    def _believed(self, state: SearchState) -> SearchState:
        """The same with the slices that are under way elsewhere as they are predicted."""
        places = [self._places[key] for key in state.pending if key in self._places]
        if not places:
            return state
        scores = self._scale.scores(self._predictor.outcomes(state.curves).mean)
        curves = dict(state.curves)
        for place in places:
            key = self._pool[place].key
            slices = slice(0, state.pending[key])
            curves[key] = LearningCurve(scores[place, slices], self._slice_seconds[place, slices])
        return SearchState(curves, state.closed, state.pending)

    def _under_way(self, state: SearchState) -> int | None:
        """The configuration that was trained last, unless it is done."""
        last = self._history[-1].trial.configuration if self._history else self._pool[0]
        is_open = state.seen(last) and state.is_open(last, self._task.max_fidelity)
        return self._places.get(last.key) if is_open else None

    def _stays(self, place: int, outcomes: Outcomes, payable: Bool[np.ndarray, " T"], best: float) -> bool:
        """Whether the run is expected to beat the best so far, is itself the best, or has only begun."""
        gains = self._scale.gains(self._history[-1].curve.scores)
        if not payable.any():
            return False
        if len(gains) < _LEAST_SLICES or gains[-1] >= best:
            return True
        return float(outcomes.mean[place, payable].max()) > best


def _predictor(task: Task, pool: Sequence[Configuration], surrogates: Surrogates) -> PredictsOutcomes:
    predictor = surrogates.performance.on(task, pool)
    if not isinstance(predictor, PredictsOutcomes):
        kind = type(surrogates.performance).__name__
        raise SurrogateError(
            f"this search needs surrogates that know earlier tasks one by one, got {kind}; "
            "fit some with `foretune fit --kind in-context`"
        )
    return predictor


def _worth(outcomes: Outcomes, payable: Bool[np.ndarray, "N T"], best: float) -> Float[np.ndarray, " N"]:
    """Expected improvement of each configuration at the best of its slices; -inf for one that cannot be trained."""
    if math.isinf(best):
        expected = outcomes.mean
    else:
        each = expected_improvement(Prediction(outcomes.gains, np.full(outcomes.gains.shape, outcomes.own)), best)
        expected = np.tensordot(outcomes.weights, each, 1)
    return np.where(payable, expected, -np.inf).max(axis=1)
