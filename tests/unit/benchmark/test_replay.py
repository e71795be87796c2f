from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_table import synthetic_table
from tiny_table import four_tasks, tiny_table

from foretune.benchmark.replay import Point, RecordedTask, point_at, recorded_task, simulate
from foretune.metadata import MetaDataset
from foretune.optimizer.baselines import Ordered, random_search
from foretune.types import Status, Trial


@pytest.fixture(scope="module")
def recorded() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-2")


def complete(recorded: RecordedTask):
    return next(one for one in recorded.recordings.values() if len(one.curve) == 8)


def test_a_trial_is_answered_by_its_recorded_slices(recorded):
    recording = complete(recorded)
    report = recorded.evaluate(Trial(0, recording.configuration, fidelity=5, resumes_from=3))
    assert report.status is Status.OK
    np.testing.assert_array_equal(report.curve.scores, recording.curve.scores[:5])
    assert report.seconds == pytest.approx(recording.curve.seconds[3:5].sum())


def test_beyond_its_end_a_diverged_run_is_diverged(recorded):
    recording = next(one for one in recorded.recordings.values() if one.status is Status.DIVERGED)
    report = recorded.evaluate(Trial(0, recording.configuration, fidelity=8))
    assert report.status is Status.DIVERGED
    assert report.message == "the loss is not finite"


def test_a_run_that_a_search_stopped_is_not_in_the_pool():
    table = four_tasks()
    runs = table.runs.assign(status=["stopped", *table.runs["status"][1:]])
    curves = table.curves[(table.curves["run"] != "a-1-0") | (table.curves["fidelity"] < 2)]
    recorded = recorded_task(MetaDataset(table.tasks, runs, curves), "a")
    assert [one.values["rank"] for one in recorded.candidates] == [2, 3, 4]


def test_of_repeated_runs_the_first_is_replayed():
    table = tiny_table({"a": {1: [5.0, 4.0], 2: [3.0, 2.0]}}, repeats=[("a", 1, [3.0, 1.0]), ("a", 1, [6.0, 5.0])])
    recorded = recorded_task(table, "a")
    assert [one.curve.scores.tolist() for one in recorded.recordings.values()] == [[-5.0, -4.0], [-3.0, -2.0]]


def test_a_whole_run_passes_through_all_its_slices(recorded):
    recording = complete(recorded)
    points = simulate(Ordered(recorded.task, [recording.configuration]), recorded, math.inf)
    assert points[0] == Point(0.0, recorded.zero_shot, recorded.zero_shot_test)
    np.testing.assert_allclose([point.seconds for point in points[1:]], np.cumsum(recording.curve.seconds))
    assert points[-1].score == max(recorded.zero_shot, recording.curve.scores.max())


def test_the_test_loss_is_that_of_the_slice_which_validation_chose(recorded):
    points = simulate(random_search(recorded.task, recorded.candidates), recorded, math.inf)
    chosen = max(
        (score, test)
        for one in recorded.recordings.values()
        for score, test in zip(one.curve.scores, one.test, strict=True)
    )
    assert (points[-1].score, points[-1].test) == chosen


def test_what_ends_after_the_budget_does_not_count(recorded):
    recording = complete(recorded)
    budget = float(recording.curve.seconds[:3].sum()) + 1e-6
    points = simulate(Ordered(recorded.task, [recording.configuration]), recorded, budget)
    assert len(points) == 4
    assert points[-1].seconds <= budget


def test_what_comes_first_is_told_to_the_optimizer(recorded):
    first = complete(recorded).configuration
    points = simulate(random_search(recorded.task, recorded.candidates, seed=1), recorded, math.inf, first=[first])
    np.testing.assert_allclose(
        [point.seconds for point in points[1:9]], np.cumsum(recorded.recordings[first.key].curve.seconds)
    )
    assert len(points) - 1 == sum(len(one.curve) for one in recorded.recordings.values())


def test_point_at_is_the_last_one_reached():
    points = [Point(0.0, -4.0, 4.0), Point(2.0, -3.0, 3.0), Point(5.0, -2.0, 2.0)]
    assert point_at(points, 4.9).score == -3.0
    assert point_at(points, 5.0).score == -2.0
    assert point_at(points, 1.0).score == -4.0
