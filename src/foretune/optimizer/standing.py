"""What a history amounts to: pure functions that all optimizers share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, History, LearningCurve, Report, Status, Task, Trial


@dataclass(frozen=True)
class Standing:
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


def standing_of(history: History, pending: Sequence[Trial] = ()) -> Standing:
    """Reads a history; of two reports on one configuration the later one holds."""
    curves = {report.trial.configuration.key: report.curve for report in history}
    closed = frozenset(report.trial.configuration.key for report in history if report.status is not Status.OK)
    return Standing(curves, closed, {trial.configuration.key: trial.fidelity for trial in pending})


def incumbent_score(standing: Standing, zero_shot: float) -> float:
    """The best score of any slice so far; the untrained model's before and below that."""
    return max([zero_shot, *(float(curve.scores.max()) for curve in standing.curves.values() if len(curve))])


def local_offset(task: Task, history: History, cost: CostSurrogate) -> float:
    """Log of how much longer trials take here than predicted: median over those that ended well, 0 before the first.

    The surrogate learned its seconds on other hardware; relative costs carry over, their unit does not. A trial's own
    seconds are taken, which include what its slices do not, such as loading.
    """
    return _median(_log_ratios(task, history, cost))


class LocalOffset:
    """The same for a search that goes on: what a trial was predicted to take is asked once."""

    def __init__(self, task: Task, cost: CostSurrogate) -> None:
        self._task = task
        self._cost = cost
        self._ratios: list[float] = []

    def tell(self, report: Report) -> None:
        """One more trial."""
        self._ratios += _log_ratios(self._task, (report,), self._cost)

    @property
    def factor(self) -> float:
        """How much longer trials take here than predicted."""
        return math.exp(_median(self._ratios))


def _median(ratios: Sequence[float]) -> float:
    return float(np.median(ratios)) if ratios else 0.0


def _log_ratios(task: Task, history: History, cost: CostSurrogate) -> list[float]:
    """Logs of measured over predicted seconds of the trials that ended well."""
    ended = [report for report in history if report.status is Status.OK and report.seconds > 0]
    if not ended:
        return []
    counts = np.array([report.trial.fidelity - report.trial.resumes_from for report in ended])
    configurations = [
        report.trial.configuration for report, count in zip(ended, counts, strict=True) for _ in range(count)
    ]
    fidelities = np.concatenate([np.arange(r.trial.resumes_from, r.trial.fidelity) + 1 for r in ended])
    starts = np.append(0, np.cumsum(counts)[:-1])
    predicted = np.add.reduceat(cost.predict(task, configurations, fidelities), starts)
    return np.log(np.array([report.seconds for report in ended]) / predicted).tolist()


def slice_seconds(task: Task, configurations: Sequence[Configuration], cost: CostSurrogate) -> Float[np.ndarray, "n t"]:
    """Predicted seconds of every slice of every candidate, before the local offset."""
    fidelities = np.tile(np.arange(1, task.max_fidelity + 1), len(configurations))
    repeated = [configuration for configuration in configurations for _ in range(task.max_fidelity)]
    return cost.predict(task, repeated, fidelities).reshape(len(configurations), task.max_fidelity)


def measured_seconds(standing: Standing) -> float:
    """Mean seconds of a slice so far; 0 before the first. What an optimizer without a cost surrogate goes by."""
    seconds = [value for curve in standing.curves.values() for value in curve.seconds.tolist()]
    return float(np.mean(seconds)) if seconds else 0.0


def next_run(
    order: Sequence[Configuration],
    history: History,
    task: Task,
    cost: CostSurrogate | None,
    seconds_left: float,
    pending: Sequence[Trial] = (),
) -> Trial | None:
    """The first configuration in `order` that is not finished, as far as `seconds_left` is predicted to carry it.

    The first one that fits for at least one slice is taken; without a cost surrogate slices are taken to last as long
    as those measured so far.
    """
    return next_slices(order, task.max_fidelity, history, task, cost, seconds_left, pending)


def next_slices(
    order: Sequence[Configuration],
    fidelity: int,
    history: History,
    task: Task,
    cost: CostSurrogate | None,
    seconds_left: float,
    pending: Sequence[Trial] = (),
) -> Trial | None:
    """The same as `next_run`, but configurations are trained up to `fidelity` only."""
    standing = standing_of(history, pending)
    if seconds_left <= 0:
        return None
    offset = local_offset(task, history, cost) if cost else 0.0
    for configuration in order:
        if not standing.is_open(configuration, fidelity):
            continue
        seen = standing.seen(configuration)
        if cost:
            seconds = slice_seconds(task, [configuration], cost)[0, seen:fidelity] * math.exp(offset)
        else:
            seconds = np.full(fidelity - seen, measured_seconds(standing))
        affordable = int((np.cumsum(seconds) <= seconds_left).sum())
        if affordable:
            return Trial(len(history) + len(pending), configuration, fidelity=seen + affordable, resumes_from=seen)
    return None
