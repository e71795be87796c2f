"""Searches with several trials at the same time, on recorded runs."""

import math

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.at_once import best_by, simulate_at_once
from foretune.benchmark.replay import RecordedTask, Recording, recorded_task, simulate
from foretune.optimizer.baselines import Ordered
from foretune.optimizer.in_context import TransferInContext
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Status, Task

TASK = Task("task", VALIDATION_NLL, {}, 2)


def recorded_runs(*seconds):
    """Two slices of so many seconds each; the scores of the last run are the best."""
    runs = [
        Recording(
            Configuration({"rank": number}),
            Status.OK,
            "",
            LearningCurve([-10.0 + number, -9.5 + number], [each, each]),
            np.zeros(2),
        )
        for number, each in enumerate(seconds)
    ]
    return RecordedTask(TASK, -20.0, -20.0, {one.configuration.key: one for one in runs})


def test_trials_end_in_the_order_of_their_recorded_seconds():
    recorded = recorded_runs(5.0, 1.0, 2.0)
    found = simulate_at_once(Ordered(TASK, recorded.candidates), recorded, 10.0, workers=2)
    assert found == [(1.0, -9.0), (2.0, -8.5), (4.0, -8.0), (5.0, -10.0), (6.0, -7.5), (10.0, -9.5)]


@pytest.mark.parametrize(("workers", "last"), [(1, 16.0), (2, 10.0), (3, 10.0), (64, 10.0)])
def test_more_workers_are_done_sooner(workers, last):
    recorded = recorded_runs(5.0, 1.0, 2.0)
    found = simulate_at_once(Ordered(TASK, recorded.candidates), recorded, 100.0, workers)
    assert len(found) == 6
    assert found[-1][0] == last


def test_what_ends_after_the_budget_does_not_count():
    recorded = recorded_runs(5.0, 1.0)
    found = simulate_at_once(Ordered(TASK, recorded.candidates, cost=None), recorded, 5.5, workers=2)
    assert found == [(1.0, -9.0), (2.0, -8.5), (5.0, -10.0)]
    assert [best_by(found, seconds, -20.0) for seconds in (0.5, 1.5, math.inf)] == [-20.0, -9.0, -8.5]


@pytest.mark.parametrize("task", ["task-3", "task-7"])
def test_one_worker_does_as_the_replay_does(task):
    recorded = recorded_task(synthetic_table(), task)
    seconds = 3 * recorded.mean_run_seconds

    def search():
        return TransferInContext(recorded.task, recorded.candidates, surrogates=synthetic_surrogates("in-context"))

    points = simulate(search(), recorded, seconds)
    found = simulate_at_once(search(), recorded, seconds, workers=1)
    assert [ended for ended, _ in found] == pytest.approx([point.seconds for point in points[1:]])
    assert best_by(found, seconds, recorded.zero_shot) == points[-1].score
