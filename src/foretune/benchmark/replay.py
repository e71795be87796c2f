"""Replay: recorded learning curves answer an optimizer's trials, and their seconds are what it spends.

A search that would take hours takes milliseconds, and every optimizer meets exactly the same runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.optimizer.protocol import Optimizer
from foretune.types import Configuration, LearningCurve, Report, Status, Task, Trial


@dataclass(frozen=True)
class Recording:
    """One recorded run.

    Attributes:
        configuration: what was trained.
        status: how the run ended.
        message: why, if not well.
        curve: validation scores and seconds.
        test: (T,) test scores after each slice, NaN where there is none.
    """

    configuration: Configuration
    status: Status
    message: str
    curve: LearningCurve
    test: np.ndarray


@dataclass(frozen=True)
class RecordedTask:
    """All runs of one task: a pool of candidates with known answers.

    Attributes:
        task: the task.
        zero_shot: validation score of the untrained model; NaN where the table does not know it.
        zero_shot_test: its test score; NaN likewise.
        recordings: by `Configuration.key`; the first run of each configuration.
    """

    task: Task
    zero_shot: float
    zero_shot_test: float
    recordings: Mapping[str, Recording]

    @property
    def candidates(self) -> list[Configuration]:
        """The pool, in the order of the table."""
        return [recording.configuration for recording in self.recordings.values()]

    @property
    def is_playable(self) -> bool:
        """Whether a run is complete, so that budgets have a unit."""
        return any(len(one.curve) == self.task.max_fidelity for one in self.recordings.values())

    @cached_property
    def mean_run_seconds(self) -> float:
        """Mean over the complete runs of the seconds that one takes: the unit budgets are given in.

        Raises:
            MetaDatasetError: if no run is complete.
        """
        totals = [
            float(recording.curve.seconds.sum())
            for recording in self.recordings.values()
            if len(recording.curve) == self.task.max_fidelity
        ]
        if not totals:
            message = f"no run of task {self.task.id!r} is complete, so its mean run is unknown; remove the task"
            raise MetaDatasetError(message)
        return float(np.mean(totals))

    def evaluate(self, trial: Trial) -> Report:
        """What the recorded run says to this trial: ok if it got that far, else how it really ended."""
        recording = self.recordings[trial.configuration.key]
        reached = min(trial.fidelity, len(recording.curve))
        curve = LearningCurve(recording.curve.scores[:reached], recording.curve.seconds[:reached])
        seconds = float(curve.seconds[trial.resumes_from :].sum())
        if reached == trial.fidelity:
            return Report(trial, Status.OK, curve, seconds=seconds)
        status = recording.status if recording.status is not Status.OK else Status.FAILED
        return Report(trial, status, curve, message=recording.message or "the recorded run is shorter", seconds=seconds)


@dataclass(frozen=True)
class Point:
    """Where a search stands after a slice.

    Attributes:
        seconds: spent so far.
        score: validation score of the incumbent; -inf before there is one.
        test: test score of the checkpoint that validation chose.
    """

    seconds: float
    score: float
    test: float


def recorded_task(table: MetaDataset, task: str) -> RecordedTask:
    """One task of a meta-dataset, ready to be replayed; without runs that a search stopped, whose end is not known."""
    described = table.task(task)
    row = table.tasks[table.tasks["task"] == task].iloc[0]
    places = table.curves.groupby("run").indices
    sign = described.metric.score(1.0)
    test = table.curves["test_value"].to_numpy(dtype=np.float64) * sign
    ends = dict(zip(table.runs["run"], zip(table.runs["status"], table.runs["message"], strict=True), strict=True))
    recordings: dict[str, Recording] = {}
    for run in table.runs_of(task):
        configuration = table.configurations[run]
        rows = places.get(run, np.empty(0, dtype=np.intp))
        status, message = ends[run]
        if status == STOPPED:
            continue
        recording = Recording(configuration, Status(status), str(message), table.curve(run), test[rows])
        recordings.setdefault(configuration.key, recording)
    zero_shot, zero_shot_test = (sign * float(row[f"zero_shot_{split}_value"]) for split in ("validation", "test"))
    return RecordedTask(described, zero_shot, zero_shot_test, recordings)


def simulate(
    optimizer: Optimizer,
    recorded: RecordedTask,
    seconds: float,
    *,
    first: Sequence[Configuration] = (),
    clock: Callable[[], float] | None = None,
    begun: float = 0.0,
) -> list[Point]:
    """Lets an optimizer search until its seconds are spent.

    Args:
        optimizer: fresh; it is told every report.
        recorded: the task's runs.
        seconds: budget. The slice during which it runs out is not counted, nor are those after it.
        first: configurations trained to the end before the optimizer is asked, such as the default.
        clock: tells the seconds by which the optimizer's own time, asking and being told, is measured and charged;
            without one it thinks for free, and the search can be repeated exactly.
        begun: seconds that are spent already.

    Returns:
        One point for every slice within the budget, after a first one for the untrained model.
    """
    known = not math.isnan(recorded.zero_shot)
    points = [Point(0.0, recorded.zero_shot if known else -math.inf, recorded.zero_shot_test)]
    asked, spent, now = 0, begun, clock or (lambda: 0.0)
    while spent < seconds:
        started = now()
        ordered = Trial(asked, first[asked], recorded.task.max_fidelity) if asked < len(first) else None
        trial = ordered or optimizer.ask(seconds - spent)
        spent += now() - started
        if trial is None:
            break
        report = recorded.evaluate(trial)
        test = recorded.recordings[trial.configuration.key].test
        slices = _points_of(report, test, replace(points[-1], seconds=spent))
        points += [point for point in slices if point.seconds <= seconds]
        spent += report.seconds
        started = now()
        optimizer.tell(report)
        spent += now() - started
        asked += 1
    return points


def _points_of(report: Report, test_scores: np.ndarray, last: Point) -> list[Point]:
    points: list[Point] = []
    for index in range(report.trial.resumes_from, len(report.curve)):
        score, test = float(report.curve.scores[index]), float(test_scores[index])
        spent = last.seconds + float(report.curve.seconds[index])
        last = Point(spent, score, test) if score > last.score else Point(spent, last.score, last.test)
        points.append(last)
    return points


def point_at(points: Sequence[Point], seconds: float) -> Point:
    """The last point that was reached within `seconds`."""
    reached = [point for point in points if point.seconds <= seconds + 1e-9 * max(seconds, 1.0)]
    return reached[-1] if reached and not math.isnan(seconds) else points[0]
