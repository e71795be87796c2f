from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_table import tiny_table

from foretune.benchmark.regret import (
    Scale,
    area,
    best_steps,
    bootstrap,
    interval,
    mean_ranks,
    regret,
    regrets_at,
    resamples,
    scale_of,
    seconds_to,
)
from foretune.benchmark.replay import recorded_task

SCALE = Scale(best=-2.0, median=-4.0, worst=-8.0, default=-3.0, default_final=-3.5)
STEPS = [(0.0, -8.0, 8.0), (2.0, -4.0, 4.5), (5.0, -2.0, 2.5)]


def scale(losses, rank=None, noise=None):
    recorded = recorded_task(tiny_table({"a": losses}), "a")
    return scale_of(recorded, next((one for one in recorded.candidates if one.values["rank"] == rank), None), noise)


def test_a_scale_is_made_of_the_best_slices_of_the_runs():
    found = scale({1: [3.0, 3.5], 2: [5.0, 4.0], 3: [6.0, 2.0]}, rank=1)
    assert found == Scale(best=-2.0, median=-3.0, worst=-4.0, default=-3.0, default_final=-3.5)


def test_a_run_without_a_slice_counts_as_the_worst():
    assert scale({1: [3.0], 2: [], 3: [5.0]}).median == -5.0


@pytest.mark.parametrize(
    ("score", "median", "default"), [(-2.0, 0, 0), (-3.0, 0.5, 1), (-4.0, 1, 2), (-6.0, 2, 4), (-1.0, 0, 0)]
)
def test_regret_in_both_units(score, median, default):
    assert regret(score, SCALE) == pytest.approx(median)
    assert regret(score, SCALE, "default") == pytest.approx(default)


def test_without_any_score_the_worst_of_the_pool_stands_in():
    assert regret(-math.inf, SCALE) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("default", "noise"), [(None, None), (-2.0, None), (-2.1, 0.2)], ids=["unknown", "the best", "within the noise"]
)
def test_no_regret_in_units_of_a_default_that_nothing_beats(default, noise):
    assert math.isnan(regret(-3.0, Scale(-2.0, -4.0, -8.0, default, default, noise), "default"))


def test_where_the_median_is_the_best_nothing_is_regretted():
    assert regret(-5.0, Scale(-2.0, -2.0, -8.0)) == 0.0


def test_area_is_the_mean_regret_of_the_time_and_no_regret_counts_more_than_1():
    assert area(STEPS, SCALE, 10.0) == pytest.approx((2 * 1.0 + 3 * 1.0 + 5 * 0.0) / 10)


def test_regret_over_time():
    np.testing.assert_allclose(regrets_at(STEPS, SCALE, np.array([0.5, 2.0, 4.9, 5.0, 9.0])), [3, 1, 1, 0, 0])


def test_seconds_to_a_score():
    assert seconds_to(STEPS, -3.5) == 5.0
    assert math.isnan(seconds_to(STEPS, -1.0))
    assert math.isnan(seconds_to(STEPS, None))


def test_no_search_is_better_than_the_best_steps():
    recorded = recorded_task(tiny_table({"a": {1: [3.0, 3.5], 2: [5.0, 2.0]}}), "a")
    assert best_steps(recorded) == [(0.0, -9.0, -9.0), (1.0, -3.0, -3.5), (2.0, -2.0, -2.5)]
    second = recorded.candidates[1]
    assert second.values["rank"] == 2
    assert best_steps(recorded, second) == [(0.0, -9.0, -9.0), (1.0, -5.0, -5.5), (2.0, -2.0, -2.5)]
    assert best_steps(recorded, recorded.candidates[0]) == [(0.0, -9.0, -9.0), (1.0, -3.0, -3.5), (4.0, -2.0, -2.5)]


def test_the_bootstrap_is_the_same_every_time_and_brackets_the_mean():
    values = np.random.default_rng(3).normal(1.0, 1.0, size=(20, 2))
    low, high = bootstrap(values)
    np.testing.assert_array_equal((low, high), bootstrap(values))
    error = values.std(axis=0) / np.sqrt(20)
    np.testing.assert_allclose(low, values.mean(axis=0) - 1.96 * error, atol=0.05)
    np.testing.assert_allclose(high, values.mean(axis=0) + 1.96 * error, atol=0.05)


def test_an_interval_leaves_out_tasks_without_a_value():
    found = interval(np.array([1.0, np.nan, 1.0]))
    assert (found.mean, found.low, found.high, found.tasks) == (1.0, 1.0, 1.0, 2)
    assert interval(np.array([np.nan])).tasks == 0


def test_equal_methods_share_their_rank():
    assert mean_ranks(np.array([[0.0, 0.0, 1.0], [0.5, 0.2, 0.1]])).tolist() == [2.25, 1.75, 2.0]


def test_resamples_are_drawn_once_and_stay_as_they_are():
    drawn = resamples(7)
    assert drawn.sum(axis=1).tolist() == [7.0] * len(drawn)
    assert resamples(7) is drawn
    assert (resamples(7, seed=1) != drawn).any()
    with pytest.raises(ValueError, match="read-only"):
        drawn[0, 0] = 1.0
