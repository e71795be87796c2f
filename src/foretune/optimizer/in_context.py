"""Transfer in context: nothing is refitted, and all that was seen of the new task counts.

The default configuration is trained first, unless it would leave too little of the time for anything better (`room`)
and the task is a familiar one: earlier tasks were on the same base model, or the same dataset was seen on another one;
else predictions are no match for it. Then the configuration from which most improvement over the incumbent is expected
is trained, a slice at a time, and after every slice all predictions are made anew from everything seen so far. What may
come is one of several cases where the surrogate knows them (`cases`), so that a run which is most likely no good, and
may be far better than all others, is worth a try; and what may follow in the time left counts, too (`ahead`). A run is
left when it is no longer expected to get far enough (`patience`), unless it is the best so far; what is worth most then
comes next. Only slices that can still be paid for count. Losses are compared by their logarithms where the zero-shot
loss is known.

Trials under way are believed to come to what is predicted of them (the "kriging believer" of Ginsbourger et al., 2010):
another one is worth what it is expected to improve on that, given that. The first run is not believed anything, as its
curve tells which earlier tasks this one is like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from foretune.acquisition import expected_improvement, on_log_axis, per_cost
from foretune.metadata.source import labels_of
from foretune.optimizer.local_cost import LocalCost
from foretune.optimizer.lookahead import draw_improvements, shortlist, worth_with_a_second
from foretune.optimizer.registry import Search
from foretune.optimizer.standing import (
    Standing,
    incumbent_score,
    next_run,
    slice_seconds,
    standing_of,
)
from foretune.surrogate.inputs import zero_shot_score
from foretune.surrogate.protocol import Cases, Predictor, PredictsCases, Surrogates
from foretune.types import Configuration, LearningCurve, Prediction, Report, Task, Trial

_LEAST_SECONDS = 1e-9
_LEAST_EXPLORE = 1e-9


def transfer_in_context(search: Search, **options: Any) -> TransferInContext:
    """Of a search; see the class for the options."""
    return TransferInContext(search.task, search.pool, surrogates=search.learned("transfer-in-context"), **options)


class TransferInContext:
    """The most promising configuration, one at a time.

    Args:
        task: what is finetuned.
        candidates: the pool; the first one, by convention the default, is trained first if there is room.
        surrogates: fitted on other tasks.
        explore: expected improvement decides, with this share of the predicted standard deviations: bad configurations
            are uncertain, too, but do not turn out to be the best. At 0 the expected score decides.
        cost_power: expected improvement is divided by the seconds it takes to this power; if that is not 0, each
            run is judged alone (see `ahead`).
        patience: a run goes on while one so many standard deviations better than predicted would beat the incumbent.
        least_slices: a run that is begun gets so many before it may be left, or else a search that hopes for little
            would end in first slices of ever other configurations.
        cases: whether, once something was seen, what may come is a mixture of cases, not one normal distribution.
        ahead: whether a run is judged together with the one that may follow it (`foretune.optimizer.lookahead`), once
            something was seen and where the time left is known.
        room: the default is trained first if so much of a run of the best prediction fits into the time after it; 0 for
            always, as it is on a task of which the surrogates have seen neither the base model nor the dataset.
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Configuration],
        *,
        surrogates: Surrogates,
        explore: float = 0.5,
        cost_power: float = 0.0,
        patience: float = 1.0,
        least_slices: int = 3,
        cases: bool = True,
        ahead: bool = True,
        room: float = 0.5,
    ) -> None:
        self._task = task
        self._pool = list(dict.fromkeys(candidates))
        self._surrogates = surrogates
        self._explore = explore
        self._cost_power = cost_power
        self._patience = patience
        self._least_slices = least_slices
        self._cases = cases
        self._ahead = ahead and not cost_power
        self._room = room
        self._history: tuple[Report, ...] = ()
        self._local_cost = LocalCost(task, self._pool, surrogates.cost)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        standing = standing_of(self._history, pending)
        if first := self._first(standing, seconds_left, pending):
            return first
        coming = self._coming(standing)
        spent = self._spent(coming)
        payable = coming & (spent <= seconds_left)
        if seconds_left <= 0 or not payable.any():
            return None
        believed, under_way = self._believed(standing), self._under_way(standing)
        if under_way is None or not self._is_promising(believed, payable, under_way):
            under_way = self._best_next(believed, coming, spent, seconds_left)
        chosen = self._pool[under_way]
        seen = standing.seen(chosen)
        return Trial(len(self._history) + len(pending), chosen, fidelity=seen + 1, resumes_from=seen)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
        self._local_cost.tell(report)

    def _first(self, standing: Standing, seconds_left: float, pending: Sequence[Trial]) -> Trial | None:
        if not standing.is_open(self._pool[0], self._task.max_fidelity):
            return None
        if not standing.seen(self._pool[0]) and (self._history or not self._has_room(seconds_left)):
            return None
        return next_run(self._pool[:1], self._history, self._task, self._surrogates.cost, seconds_left, pending)

    def _has_room(self, seconds_left: float) -> bool:
        """Whether a search that begins with the default can still train enough of what is predicted to be best."""
        if self._room <= 0 or not self._is_familiar:
            return True
        best = int(np.argmax(self._predictor({}).mean.max(axis=1)))
        if best == 0:
            return True
        default, wanted = self._slice_seconds[[0, best]].sum(axis=1)
        return bool(default + self._room * wanted <= seconds_left)

    @property
    def _is_familiar(self) -> bool:
        """Whether earlier tasks were on the same base model, or the same dataset, of the same size, on another one."""
        dataset, model = self._task.id.rpartition(":")[0], labels_of(self._task.id)[1]
        earlier: Sequence[str] = self._surrogates.card.get("tasks", ())
        return any(labels_of(name)[1] == model or name.rpartition(":")[0] == dataset for name in earlier)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.key: place for place, one in enumerate(self._pool)}

    @cached_property
    def _predictor(self) -> Predictor:
        return self._surrogates.performance.on(self._task, self._pool)

    @cached_property
    def _slice_seconds(self) -> Float[np.ndarray, "n t"]:
        return slice_seconds(self._task, self._pool, self._surrogates.cost)

    def _on_axis(self, predicted: Prediction, standing: Standing) -> tuple[Prediction, float]:
        """Predictions and the incumbent's score; of losses with a known zero-shot loss, logarithms."""
        if "zero_shot_nll" not in self._task.meta_features or self._task.metric.maximize:
            return predicted, incumbent_score(standing, -math.inf)
        return on_log_axis(predicted, incumbent_score(standing, zero_shot_score(self._task)))

    def _believed(self, standing: Standing) -> Standing:
        """The same with the slices that are under way, as they are predicted."""
        places = sorted(self._places[key] for key in standing.pending if self._places.get(key))
        if not places:
            return standing
        predicted = self._predictor(standing.curves)
        curves = dict(standing.curves)
        for place in places:
            key = self._pool[place].key
            slices = slice(0, standing.pending[key])
            curves[key] = LearningCurve(predicted.mean[place, slices], self._slice_seconds[place, slices])
        return Standing(curves, standing.closed, standing.pending)

    def _coming(self, standing: Standing) -> np.ndarray:
        """(N, T) slices that are still to be trained."""
        fidelities = self._task.max_fidelity
        coming = np.ones((len(self._pool), fidelities), dtype=bool)
        for key in self._places.keys() & (standing.curves.keys() | standing.pending.keys()):
            place = self._places[key]
            coming[place] = np.arange(fidelities) >= standing.seen(self._pool[place])
            coming[place] &= standing.is_open(self._pool[place], fidelities)
        return coming

    def _spent(self, coming: np.ndarray) -> Float[np.ndarray, "n t"]:
        """Seconds until the end of every slice, from where each configuration stands."""
        return np.cumsum(np.where(coming, self._slice_seconds * self._local_cost.factors[:, None], 0.0), axis=1)

    def _under_way(self, standing: Standing) -> int | None:
        """The configuration that was trained last, unless it is done."""
        last = self._history[-1].trial.configuration if self._history else self._pool[0]
        is_open = standing.seen(last) and standing.is_open(last, self._task.max_fidelity)
        return self._places.get(last.key) if is_open else None

    def _is_promising(self, believed: Standing, payable: np.ndarray, place: int) -> bool:
        within, scores = payable[place], self._history[-1].curve.scores
        best_so_far = len(scores) and scores[-1] >= incumbent_score(believed, -math.inf)
        if within.any() and (len(scores) < self._least_slices or best_so_far):
            return True
        predicted, incumbent = self._on_axis(self._predictor(believed.curves), believed)
        hoped = predicted.mean[place] + self._patience * predicted.std[place]
        return bool(within.any()) and float(hoped[within].max()) > incumbent

    def _best_next(self, believed: Standing, coming: np.ndarray, spent: np.ndarray, seconds_left: float) -> int:
        """Place of the configuration that is worth most."""
        payable = coming & (spent <= seconds_left)
        cases = self._outlook(believed)
        predicted, incumbent = self._on_axis(cases.prediction, believed)
        narrowed = Prediction(predicted.mean, max(self._explore, _LEAST_EXPLORE) * predicted.std)
        worth = self._worth(cases.weights, narrowed, incumbent, spent)
        alone = np.where(payable, worth, -np.inf).max(axis=1)
        is_known = believed.curves and math.isfinite(seconds_left) and math.isfinite(incumbent)
        if not (self._ahead and is_known and self._explore > 0):
            return int(np.argmax(alone))
        places = shortlist(alone, np.where(payable, spent, 0.0).max(axis=1))
        listed = Prediction(narrowed.mean[:, places], narrowed.std[:, places])
        improvements = draw_improvements(cases.weights, listed, coming[places], incumbent)
        return int(places[np.argmax(worth_with_a_second(improvements, spent[places], seconds_left))])

    def _outlook(self, believed: Standing) -> Cases:
        """What may come: one of several cases, or a single one."""
        predictor = self._predictor
        if self._cases and self._explore > 0 and believed.curves and isinstance(predictor, PredictsCases):
            return predictor.cases(believed.curves)
        found = predictor(believed.curves)
        return Cases(np.ones(1), Prediction(found.mean[None], found.std[None]))

    def _worth(
        self, weights: np.ndarray, narrowed: Prediction, incumbent: float, spent: np.ndarray
    ) -> Float[np.ndarray, "n t"]:
        """Of training each configuration up to each slice; what is trained already is worth anything."""
        if self._explore <= 0 or math.isinf(incumbent):
            return np.tensordot(weights, narrowed.mean, 1)
        improvement = np.tensordot(weights, expected_improvement(narrowed, incumbent), 1)
        return per_cost(improvement, np.maximum(spent, _LEAST_SECONDS), self._cost_power)
