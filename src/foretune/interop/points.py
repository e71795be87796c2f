"""Points of a logged curve, as trackers keep them: the curve's own points, their steps, and their times.

A log holds more than a curve. After training with `load_best_model_at_end`, a last evaluation logs the best model's
value at the last step; a run that was resumed logs some steps again; some loops count steps from 0; and a clock goes on
while a run is paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median_low

from foretune.interop.resample import ImportedSlice

PAUSED = "time of a pause, far beyond the median time per step, is left out of the costs"
UNTRAINED = "the value at step 0, of the untrained model, is no slice"
BEST_AGAIN = (
    "a last evaluation, which repeats the best value at a step out of turn, is no slice: it is the best model's"
)
_PAUSE = 5.0
"""Times the median time per step that a slice may take; more is a pause."""


@dataclass(frozen=True)
class LoggedPoint:
    """One value that was logged.

    Attributes:
        step: that it was logged at.
        time: of the clock, in seconds.
        value: of the metric.
    """

    step: int
    time: float
    value: float


def own_points(logged: Iterable[LoggedPoint]) -> list[LoggedPoint]:
    """The points of the curve by rising step: the first value at each step.

    A later value at the last step is a further evaluation, often of another model (the best one). Where a log goes back
    to an earlier step, the run was resumed there, and later entries replace earlier entries.
    """
    curve: list[LoggedPoint] = []
    for point in sorted(logged, key=lambda one: (one.time, one.step)):
        if curve and point.step == curve[-1].step:
            continue
        while curve and curve[-1].step >= point.step:
            curve.pop()
        curve.append(point)
    return curve


def without_best_again(points: Sequence[LoggedPoint], *, maximize: bool) -> tuple[list[LoggedPoint], list[str]]:
    """The points without a final point of the best model, and a remark if there was such a point.

    It is taken for that if it is exactly the best value so far and stands at another distance than the points before.
    """
    if len(points) < 3:
        return list(points), []
    distances = [after.step - before.step for before, after in pairwise(points)]
    best = max if maximize else min
    out_of_turn = distances[-1] < min(distances[:-1])
    if out_of_turn and points[-1].value == best(point.value for point in points[:-1]):
        return list(points[:-1]), [BEST_AGAIN]
    return list(points), []


def counted_steps(steps: Sequence[int]) -> tuple[list[int | None], bool]:
    """Steps that were trained at each point, counted from 1, and whether the first point is the untrained model.

    Steps 0, 1, 2, ... are passes counted from 0. Among steps further apart a 0 is an evaluation before training. Steps
    below 0, or a single 0, say nothing.
    """
    if not steps or steps[0] < 0 or list(steps) == [0]:
        return [None] * len(steps), False
    if steps[0] > 0:
        return list(steps), False
    return ([step + 1 for step in steps], False) if steps[1] == 1 else ([0, *steps[1:]], True)


def without_pauses(slices: Sequence[ImportedSlice]) -> tuple[list[ImportedSlice], list[str]]:
    """The slices, where a slice that took far longer than the median time per step costs the median, and a remark then.

    Of two slices the faster one is the measure. A slice without steps counts as one.
    """
    if len(slices) < 2:
        return list(slices), []
    before = [0.0, *(one.steps or 0.0 for one in slices)]
    lengths = [max((one.steps or 0.0) - start, 0.0) or 1.0 for one, start in zip(slices, before, strict=False)]
    usual = median_low([one.seconds / length for one, length in zip(slices, lengths, strict=True)])
    paused = [one.seconds > _PAUSE * usual * length for one, length in zip(slices, lengths, strict=True)]
    if not any(paused):
        return list(slices), []
    kept = [
        replace(one, seconds=usual * length) if too_long else one
        for one, length, too_long in zip(slices, lengths, paused, strict=True)
    ]
    return kept, [PAUSED]


def timed_slices(
    logged: Sequence[LoggedPoint], start: float, test: float | None, *, maximize: bool, least: float
) -> tuple[list[ImportedSlice], list[str]]:
    """Slices that cost the time since the point before, and remarks.

    Args:
        logged: every point of the metric.
        start: when the run began, in seconds of the same clock.
        test: value of the metric on the test split, which belongs to the last slice.
        maximize: whether larger values are better.
        least: seconds that the clock resolves.
    """
    if len({point.step for point in logged}) < 2:  # where steps were not logged, the times alone tell points apart
        points, steps, remarks = sorted(logged, key=lambda one: one.time), [None] * len(logged), list[str]()
    else:
        points, remarks = without_best_again(own_points(logged), maximize=maximize)
        steps, untrained = counted_steps([point.step for point in points])
        if untrained:
            start, points, steps = points[0].time, points[1:], steps[1:]
            remarks.append(UNTRAINED)
    times = [start, *(point.time for point in points)]
    seconds = [max(after - before, least) for before, after in pairwise(times)]
    slices = [
        ImportedSlice(point.value, spent, steps=step) for point, spent, step in zip(points, seconds, steps, strict=True)
    ]
    slices, paused = without_pauses(slices)
    if slices:
        slices[-1] = replace(slices[-1], test=test)
    return slices, [*remarks, *paused]
