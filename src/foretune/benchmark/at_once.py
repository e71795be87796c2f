"""Replay of a search with several trials at the same time: recorded seconds decide which of them ends first."""

from __future__ import annotations

import heapq

import numpy as np

from foretune.benchmark.replay import RecordedTask
from foretune.optimizer.protocol import Optimizer
from foretune.types import Report, Trial

Found = list[tuple[float, float]]


def simulate_at_once(optimizer: Optimizer, recorded: RecordedTask, seconds: float, workers: int) -> Found:
    """Lets an optimizer search with so many workers, and thinking is free.

    Args:
        optimizer: fresh; it is told every report that comes in time.
        recorded: the task's runs.
        seconds: of wall time. What ends later is not counted.
        workers: trials at the same time.

    Returns:
        (seconds, score) of every slice that was trained in time, in the order of these seconds.
    """
    under_way: list[tuple[float, int, Report]] = []
    found: Found = []
    now, asked = 0.0, 0
    while now < seconds:
        pending = [report.trial for _, _, report in sorted(under_way, key=lambda one: one[1])]
        trial = optimizer.ask(seconds - now, pending) if len(pending) < workers else None
        if trial is not None:
            report = recorded.evaluate(trial)
            heapq.heappush(under_way, (now + report.seconds, asked, report))
            found += _slices(report, trial, now)
            asked += 1
        elif under_way:
            now, _, report = heapq.heappop(under_way)
            optimizer.tell(report)
        else:
            break
    return sorted(one for one in found if one[0] <= seconds)


def _slices(report: Report, trial: Trial, begun: float) -> Found:
    """When each slice of a trial ends, and what it scores."""
    fresh = slice(trial.resumes_from, len(report.curve))
    ends = begun + np.cumsum(report.curve.seconds[fresh])
    return list(zip(ends.tolist(), report.curve.scores[fresh].tolist(), strict=True))


def best_by(found: Found, seconds: float, untrained: float) -> float:
    """The best score within so many seconds; that of the untrained model before the first."""
    return max([untrained, *(score for ended, score in found if ended <= seconds)])
