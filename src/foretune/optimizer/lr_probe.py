"""Probing the learning rate, then one long run: what the winner of a public finetuning tournament does.

1. The default is begun at four learning rates, from 10^-0.3 to 10^0.3 times its own, a slice of each in turn, until
   each has had 25 steps or more, or they have taken a fifth of the time.
2. Of the rates whose last common slice is within 2.5 % of the best one, the highest is chosen: later steps profit from
   it, and the decay of the schedule tames it.
3. A run with as many epochs as 85 % of the rest of the time is taken to carry.

After the account of the winner's script (Gradients, arXiv 2506.07940, June 2026), which compares training losses on the
same cached batches, refines three times, and begins from the size of the weights. Here the validation split compares,
and the search space's default is the beginning. Where only recorded runs can be had, each of these is the run most like
it, by its learning rate above all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from foretune.errors import ConfigurationError
from foretune.optimizer.registry import Search
from foretune.optimizer.state import SearchState, measured_seconds, next_run, state_of
from foretune.types import Configuration, Report, Trial

_DECADES = (0.3, 0.1, -0.1, -0.3)
_STEPS = 25
_SHARE = 0.2
"""Of the time that probing may take; the first slices are trained in any case."""
_NEAR = 0.025
_CARRIED = 0.85


class LrProbe:
    """See the module.

    Args:
        search: whose default is changed in learning rate and epochs.

    Raises:
        ConfigurationError: the default lacks one of these, or the batch size.
    """

    def __init__(self, search: Search) -> None:
        if missing := [name for name in ("learning_rate", "epochs", "batch_size") if name not in search.default.values]:
            raise ConfigurationError(f"lr-probe starts from a default that has {', '.join(missing)}; this one has not")
        self._search = search
        self._slices = search.task.max_fidelity
        rate = float(search.default.values["learning_rate"])
        rates = [float(f"{rate * 10**decades:.3g}") for decades in _DECADES]
        probes = [self._with(learning_rate=each) for each in rates]
        self._probes = list(dict.fromkeys(probes))
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        state = state_of(self._history, pending)
        whole = seconds_left + sum(report.seconds for report in self._history)
        if not self._begun:
            for depth in range(1, self._most_slices + 1):
                if depth > 1 and depth * len(self._probes) * measured_seconds(state) > _SHARE * whole:
                    break
                if trial := self._next(self._probes, seconds_left, pending, depth):
                    return trial
                if any(state.is_awaited(one, depth) for one in self._probes):
                    return None
        chosen = self._begun or self._longest(state, seconds_left)
        return self._next(chosen, seconds_left, pending, self._slices)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)

    def _next(
        self, order: Sequence[Configuration], seconds_left: float, pending: Sequence[Trial], fidelity: int
    ) -> Trial | None:
        search = self._search
        return next_run(order, self._history, search.task, search.cost, seconds_left, pending, fidelity=fidelity)

    @property
    def _begun(self) -> list[Configuration]:
        """The long run, once it is trained longer than any probe, or is none."""
        trials = (report.trial for report in self._history)
        return [
            one.configuration
            for one in trials
            if one.configuration not in self._probes or one.fidelity > self._most_slices
        ][-1:]

    @property
    def _most_slices(self) -> int:
        """Slices that have 25 steps, short of a whole run; a quarter of it where the number of rows is not known."""
        values, rows = self._search.default.values, self._search.task.rows
        if rows is None:
            return max(self._slices // 4, 1)
        steps = math.ceil(rows / int(values["batch_size"])) * int(values["epochs"])
        return max(min(math.ceil(_STEPS / (steps / self._slices)), self._slices - 1), 1)

    def _longest(self, state: SearchState, seconds_left: float) -> list[Configuration]:
        """The long run; none if no probe came to anything."""
        rate = self._best_rate(state)
        if rate is None:
            return []
        slice_now = measured_seconds(state) / float(self._search.default.values["epochs"])
        known = sorted({int(one.values["epochs"]) for one in self._search.pool}, reverse=True)
        carried = [e for e in known if e * slice_now * self._slices <= _CARRIED * seconds_left] or known[-1:]
        return [self._with(learning_rate=rate, epochs=carried[0])]

    def _best_rate(self, state: SearchState) -> float | None:
        """The highest that is near the best."""
        seen = [one for one in self._probes if one.key not in state.closed and state.seen(one)]
        if not seen:
            return None
        depth = min(state.seen(one) for one in seen)
        scores = [float(state.curves[one.key].scores[depth - 1]) for one in seen]
        least = max(scores) - _NEAR * abs(max(scores))
        near = [one for one, score in zip(seen, scores, strict=True) if score >= least]
        return max(float(one.values["learning_rate"]) for one in near)

    def _with(self, **values: float) -> Configuration:
        wanted = Configuration({**self._search.default.values, **values})
        return self._search.realized(wanted, above_all="learning_rate")
