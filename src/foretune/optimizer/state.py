"""What a history amounts to: pure functions that all optimizers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from foretune.optimizer.machine_correction import MachineCorrection, slice_seconds
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, History, LearningCurve, Status, Task, Trial


@dataclass(frozen=True)
class SearchState:
    """Where a search stands.

    Attributes:
        curves: what was seen of each configuration that was tried, by `Configuration.key`.
        closed: keys of configurations that did not end well and are not to be tried again.
        pending: keys of configurations that are under way, with the number of slices they are trained up to.
    """

    curves: Mapping[str, LearningCurve]
    closed: frozenset[str]
    pending: Mapping[str, int] = field(default_factory=dict[str, int])

    def seen(self, configuration: Configuration) -> int:
        """Slices trained so far."""
        curve = self.curves.get(configuration.key)
        return 0 if curve is None else len(curve)

    def is_open(self, configuration: Configuration, max_fidelity: int) -> bool:
        """Whether it can be trained further now."""
        key = configuration.key
        return key not in self.closed and key not in self.pending and self.seen(configuration) < max_fidelity

    def is_awaited(self, configuration: Configuration, fidelity: int) -> bool:
        """Whether it is under way and has not come to `fidelity` yet."""
        return configuration.key in self.pending and self.seen(configuration) < fidelity


def state_of(history: History, pending: Sequence[Trial] = ()) -> SearchState:
    """Reads a history; of two reports on one configuration the later one holds."""
    curves = {report.trial.configuration.key: report.curve for report in history}
    closed = frozenset(report.trial.configuration.key for report in history if report.status is not Status.OK)
    return SearchState(curves, closed, {trial.configuration.key: trial.fidelity for trial in pending})


def incumbent_score(state: SearchState, zero_shot: float) -> float:
    """The best score of any slice so far; the untrained model's before and below that."""
    return max([zero_shot, *(float(curve.scores.max()) for curve in state.curves.values() if len(curve))])


def measured_seconds(state: SearchState) -> float:
    """Mean seconds of a slice so far; 0 before the first. What an optimizer without a cost surrogate goes by."""
    seconds = [value for curve in state.curves.values() for value in curve.seconds.tolist()]
    return float(np.mean(seconds)) if seconds else 0.0


def next_run(
    order: Sequence[Configuration],
    history: History,
    task: Task,
    cost: CostSurrogate | None,
    seconds_left: float,
    pending: Sequence[Trial] = (),
    *,
    fidelity: int | None = None,
) -> Trial | None:
    """The first configuration in `order` that is not finished, as far as `seconds_left` is predicted to carry it.

    The first one that fits for at least one slice is taken; without a cost surrogate slices are taken to last as long
    as those measured so far. Configurations are trained up to `fidelity`, by default to their end.
    """
    fidelity = fidelity or task.max_fidelity
    state = state_of(history, pending)
    if seconds_left <= 0:
        return None
    factors = factors_of(order, task, history, cost)
    for configuration, factor in zip(order, factors, strict=True):
        if not state.is_open(configuration, fidelity):
            continue
        seen = state.seen(configuration)
        if cost:
            seconds = slice_seconds(task, [configuration], cost)[0, seen:fidelity] * factor
        else:
            seconds = np.full(fidelity - seen, measured_seconds(state))
        affordable = int((np.cumsum(seconds) <= seconds_left).sum())
        if affordable:
            return Trial(len(history) + len(pending), configuration, fidelity=seen + affordable, resumes_from=seen)
    return None


def factors_of(
    order: Sequence[Configuration], task: Task, history: History, cost: CostSurrogate | None
) -> Float[np.ndarray, " N"]:
    """How much longer each configuration takes here than predicted, see `MachineCorrection`."""
    if cost is None:
        return np.ones(len(order))
    local = MachineCorrection(task, order, cost)
    local.tell(*history)
    return local.factors
