"""Quick-Tune (Arango et al., ICLR 2024): the performance surrogate is refit to the new task after every report.

`QuickTune` follows the paper and the code that was published with it (releaunifreiburg/QuickTune):

- Of all candidates, the one slice with the most expected improvement per predicted second is trained next. What is to
  be improved on is the best score that any run had after as many slices; where none got that far, the best so far.
- The surrogate's network goes on training on the new task's slices, each predicted from those before it: 50 steps of
  Adam with a learning rate of 0.001, all slices in every step. The Gaussian process is conditioned on the new task
  alone: what other tasks taught is in the network and in the kernel.

Some things differ from that code. The surrogate is the one that `transfer` has: an ensemble with a Matern kernel that
learned from several tasks at a time. The code trains 1,000 steps from the meta-learned weights at each of the first ten
reports and 50 more at each later one; here it is always 50 from the meta-learned ones, so that a search can be taken up
again from its history. Its first slice is that of a random candidate; here it is that of the first one, by convention
the default. It asks for an improvement of 0.1 in accuracy, which has no counterpart in the unit of a loss.

Of the faults of the library that came later (quicktunetool 0.0.4) one can be had: predicted costs that stay
standardized (`cost_scale`). The one-hot columns that it drops and its learning rates without a logarithm are not here,
as the surrogates would have to be learned from other columns; nor is its default of not refitting at all.

`repaired` is `Transfer` with a surrogate that is refit, and nothing else: what other tasks showed is still
conditioned on, to which the new task's slices are added (the library does that, too).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from foretune.acquisition import expected_improvement, per_cost
from foretune.errors import SurrogateError
from foretune.optimizer.machine_correction import MachineCorrection, slice_seconds
from foretune.optimizer.registry import Search
from foretune.optimizer.state import SearchState, state_of
from foretune.paper.performance import DeepKernelSurrogate
from foretune.paper.refit import Refit, RefittedSurrogate
from foretune.paper.transfer import Transfer
from foretune.surrogate.inputs import zero_shot_score
from foretune.surrogate.protocol import Predictor, Surrogates
from foretune.types import Configuration, Prediction, Report, Task, Trial

PUBLISHED = Refit(batch=4096, ahead=1, keep=False)
REPAIRED = Refit()
_LEAST_COST = 1e-6


def published(search: Search, *, steps: int = PUBLISHED.steps, **options: Any) -> QuickTune:
    """Of a search; `steps` are those of a refit, see the class for the other options."""
    surrogates, recipe = search.learned("quick-tune"), replace(PUBLISHED, steps=steps)
    return QuickTune(search.task, search.pool, surrogates=surrogates, refit=recipe, seed=search.seed, **options)


def repaired(search: Search, *, steps: int = REPAIRED.steps, **options: Any) -> Transfer:
    """`Transfer` in all respects, except that its performance surrogate is refit to the new task.

    Raises:
        SurrogateError: if the performance surrogate is no deep kernel.
    """
    surrogates = refitted(search.learned("quick-tune-repaired"), replace(REPAIRED, steps=steps), search.seed)
    return Transfer(search.task, search.pool, surrogates=surrogates, **options)


class QuickTune:
    """One slice at a time, by expected improvement after it per second, with a surrogate that is refit.

    Args:
        task: what is finetuned.
        candidates: the pool; a slice of the first one, by convention the default, begins.
        surrogates: fitted on other tasks; the performance surrogate must be a deep kernel.
        refit: how to refit it.
        cost_scale: (mean, standard deviation) by which predicted seconds are standardized before they divide the
            improvement, no less than 1e-6 then; (0, 1) leaves them as they are.
        seed: of the examples that a refit draws.

    Raises:
        SurrogateError: if the performance surrogate is of another kind.
    """

    def __init__(
        self,
        task: Task,
        candidates: Sequence[Configuration],
        *,
        surrogates: Surrogates,
        refit: Refit = PUBLISHED,
        cost_scale: tuple[float, float] = (0.0, 1.0),
        seed: int = 0,
    ) -> None:
        self._task = task
        self._pool = list(dict.fromkeys(candidates))
        self._surrogates = refitted(surrogates, refit, seed)
        self._cost_scale = cost_scale
        self._history: tuple[Report, ...] = ()
        self._correction = MachineCorrection(task, self._pool, surrogates.cost)

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        state = state_of(self._history, pending)
        places = [place for place, one in enumerate(self._pool) if state.is_open(one, self._task.max_fidelity)]
        seen = np.array([state.seen(self._pool[place]) for place in places], dtype=np.intp)
        seconds = self._slice_seconds[places, seen] * self._correction.factors[places]
        payable = seconds <= seconds_left
        if seconds_left <= 0 or not payable.any():
            return None
        best = 0
        if self._history or pending or not payable[0]:
            improvement = self._improvement(places, seen, state)
            values = np.where(payable, per_cost(improvement, self._prices(seconds)), -np.inf)
            best = int(np.argmax(values))
        chosen, done = self._pool[places[best]], int(seen[best])
        return Trial(len(self._history) + len(pending), chosen, fidelity=done + 1, resumes_from=done)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)
        self._correction.tell(report)

    @cached_property
    def _predictor(self) -> Predictor:
        return self._surrogates.performance.on(self._task, self._pool)

    @cached_property
    def _slice_seconds(self) -> Float[np.ndarray, "n t"]:
        return slice_seconds(self._task, self._pool, self._surrogates.cost)

    def _prices(self, seconds: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        mean, spread = self._cost_scale
        return np.maximum((seconds - mean) / spread, _LEAST_COST)

    def _improvement(self, places: Sequence[int], seen: np.ndarray, state: SearchState) -> Float[np.ndarray, " n"]:
        """Expected improvement after each candidate's next slice over the best that was seen after as many."""
        predicted = self._predictor(state.curves)
        best = incumbents(state, self._task.max_fidelity, zero_shot_score(self._task))[seen]
        return expected_improvement(Prediction(predicted.mean[places, seen] - best, predicted.std[places, seen]), 0.0)


def incumbents(state: SearchState, max_fidelity: int, zero_shot: float) -> Float[np.ndarray, " T"]:
    """For each fidelity the best score after as many slices.

    Where no run got that far, the best of any slice; the untrained model's score before the first one.
    """
    curves = [curve.scores for curve in state.curves.values() if len(curve)]
    overall = max((float(scores.max()) for scores in curves), default=zero_shot)
    reached = ([scores[slices] for scores in curves if len(scores) > slices] for slices in range(max_fidelity))
    return np.array([max(scores, default=overall) for scores in reached])


def refitted(surrogates: Surrogates, recipe: Refit, seed: int) -> Surrogates:
    """The same, but with a performance surrogate that is refit before every prediction.

    Raises:
        SurrogateError: if it is no deep kernel.
    """
    performance = surrogates.performance
    if not isinstance(performance, DeepKernelSurrogate):
        raise SurrogateError(
            f"Quick-Tune refits a deep kernel and was given a {type(performance).__name__}; "
            "fit one with `foretune fit --kind deep-kernel`, or choose another optimizer"
        )
    return replace(surrogates, performance=RefittedSurrogate(performance, recipe, seed))
