from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, point_at, recorded_task, simulate
from foretune.optimizer.baselines import random_search
from foretune.paper.transfer import Transfer, worth
from foretune.types import Status

HELD_OUT = ("task-3", "task-7")


@pytest.fixture(params=HELD_OUT)
def recorded(request: pytest.FixtureRequest) -> RecordedTask:
    return recorded_task(synthetic_table(), request.param)


def transfer(recorded: RecordedTask, **arguments) -> Transfer:
    return Transfer(recorded.task, recorded.candidates, **{"surrogates": synthetic_surrogates(), **arguments})


def test_after_two_runs_it_is_ahead_of_random_search_on_unseen_families(recorded):
    budget = 2 * recorded.mean_run_seconds
    found = point_at(simulate(transfer(recorded), recorded, budget), budget).score
    at_random = [
        simulate(random_search(recorded.task, recorded.candidates, seed=seed), recorded, budget)[-1].score
        for seed in range(10)
    ]
    assert found > np.mean(at_random)


@pytest.mark.parametrize("horizon", ["next", "final", "best"])
def test_every_horizon_improves_on_the_untrained_model(recorded, horizon):
    points = simulate(transfer(recorded, horizon=horizon), recorded, 3 * recorded.mean_run_seconds)
    assert points[-1].score > recorded.zero_shot


def test_the_first_candidate_goes_first_and_no_more_than_the_portfolio_is_under_way(recorded):
    seen: dict[str, int] = {}
    optimizer = transfer(recorded, portfolio=4)
    while (trial := optimizer.ask()) is not None:
        if sum(seen.values()) < 8:
            assert trial.configuration == recorded.candidates[0]
        report = recorded.evaluate(trial)
        seen[trial.configuration.key] = trial.fidelity if report.status is Status.OK else 8
        assert sum(slices < 8 for slices in seen.values()) <= 4
        optimizer.tell(report)
    assert set(seen.values()) == {8}
    assert len(seen) == len(recorded.candidates)


def test_one_slice_at_a_time(recorded):
    optimizer = transfer(recorded)
    for _ in range(6):
        trial = optimizer.ask()
        assert trial is not None
        assert trial.fidelity == trial.resumes_from + 1
        optimizer.tell(recorded.evaluate(trial))


def test_a_candidate_given_twice_is_one_candidate(recorded):
    pool = recorded.candidates
    twice = Transfer(recorded.task, pool * 2, surrogates=synthetic_surrogates(), portfolio=len(pool))
    points = simulate(twice, recorded, math.inf)
    assert len(points) - 1 == sum(len(recording.curve) for recording in recorded.recordings.values())


NAN = math.nan
IMPROVEMENT = np.array([[1.0, 4.0, 3.0], [NAN, 2.0, 5.0]])
SECONDS = np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 1.0]])


@pytest.mark.parametrize(("horizon", "expected"), [("next", [0.5, 2.0]), ("final", [0.5, 2.5]), ("best", [1.0, 2.5])])
def test_horizons_look_at_different_fidelities(horizon, expected):
    np.testing.assert_allclose(worth(IMPROVEMENT, SECONDS, horizon), expected)


def test_final_means_the_last_fidelity_that_can_be_paid_for():
    np.testing.assert_allclose(worth(IMPROVEMENT, SECONDS, "final", seconds_left=4.0), [1.0, 2.5])


@pytest.mark.parametrize("horizon", ["next", "final", "best"])
def test_what_does_not_fit_or_is_finished_is_worth_minus_infinity(horizon):
    assert worth(IMPROVEMENT, SECONDS, horizon, seconds_left=1.5).tolist() == [-math.inf, 2.0]
    finished = worth(np.full((1, 3), NAN), np.zeros((1, 3)), horizon)
    assert finished.tolist() == [-math.inf]
