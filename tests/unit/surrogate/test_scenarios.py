from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scenarios import (
    LEAST_VALUE,
    ConfigurationKernel,
    Scenarios,
    complete,
    squared_distances,
)

M, C, T = 4, 7, 3
NUGGET, LEVEL_NOISE = 0.3, 1.0


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(C, 2))


@pytest.fixture
def table() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1.5, 0.0, size=(M, C, T))


@pytest.fixture
def scenarios(rows: np.ndarray, table: np.ndarray) -> Scenarios:
    return Scenarios(rows, table, ConfigurationKernel.of(rows))


def correlations(left: np.ndarray, right: np.ndarray, length: float) -> np.ndarray:
    return np.array([[np.exp(-((one - two) ** 2).sum() / (2 * length**2)) for two in right] for one in left])


def levels(table: np.ndarray, rows: np.ndarray, length: float) -> np.ndarray:
    """The Gaussian process of `_levels`, written out: means over tasks are levels with noise."""
    counts = np.isfinite(table[:, :, 0]).sum(axis=0)
    means = np.nanmean(table, axis=0)
    overall = (counts @ means) / counts.sum()
    prior = correlations(rows, rows, length) + NUGGET * np.eye(len(rows))
    return overall + prior @ np.linalg.inv(prior + np.diag(LEVEL_NOISE / counts)) @ (means - overall)


def test_the_length_is_the_median_distance_between_different_rows():
    kernel = ConfigurationKernel.of(np.array([[0.0], [0.0], [2.0]]))
    assert kernel.length == pytest.approx(np.sqrt(4.0 / 2.0))
    assert ConfigurationKernel.of(np.zeros((3, 2))).length == 1.0


def test_distances_are_never_negative(rows):
    far = rows + 1e6
    assert squared_distances(rows, rows)[1, 2] == pytest.approx(((rows[1] - rows[2]) ** 2).sum())
    assert (squared_distances(far, far) >= 0).all()


def test_a_table_without_gaps_stays_as_it_is(rows, table):
    assert complete(table, rows, ConfigurationKernel.of(rows)) is table


def test_what_was_recorded_stays_and_no_gap_is_left(rows, table):
    gaps = np.random.default_rng(2).random((M, C)) < 0.4
    gaps[0] = False
    holey = np.where(gaps[:, :, None], np.nan, table)
    filled = complete(holey, rows, ConfigurationKernel.of(rows))
    np.testing.assert_array_equal(filled[~gaps], table[~gaps])
    assert np.isfinite(filled).all()
    assert np.isnan(holey[gaps]).all()


def test_a_gap_is_its_level_and_what_the_other_runs_of_its_task_differ_from_theirs_by(rows, table):
    table[2, 4] = np.nan
    kernel, others = ConfigurationKernel.of(rows), np.arange(C) != 4
    level = levels(table, rows, kernel.length)
    noisy = correlations(rows[others], rows[others], kernel.length) + (NUGGET + LEVEL_NOISE) * np.eye(C - 1)
    own = correlations(rows[[4]], rows[others], kernel.length) @ np.linalg.inv(noisy) @ (table[2] - level)[others]
    np.testing.assert_allclose(complete(table, rows, kernel)[2, 4], level[4] + own[0], atol=1e-12)


@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_a_gap_of_a_task_whose_runs_are_all_above_or_below_their_levels_is_so_too(rows, shift):
    table = np.tile(np.linspace(-0.9, -0.6, C)[:, None], (M, 1, T))
    table[1] += shift
    table[1, 3] = np.nan
    kernel = ConfigurationKernel.of(rows)
    level = levels(table, rows, kernel.length)
    others = np.arange(C) != 3
    assert (np.sign((table[1] - level)[others]) == np.sign(shift)).all()
    assert (np.sign(complete(table, rows, kernel)[1, 3] - level[3]) == np.sign(shift)).all()


def test_the_level_of_what_few_tasks_ran_is_drawn_to_its_neighbors():
    """Of two that are as good where they were run, the one that one task knows is filled in more carefully."""
    rows = np.array([[0.0, 0.0], [9.0, 0.0], [0.1, 0.0], [9.1, 0.0]])
    table = np.full((5, 4, 1), -1.0)
    table[:, :2] = -0.2
    table[1:, 0] = np.nan
    table[1, 1] = np.nan
    filled = complete(table, rows, ConfigurationKernel(1.0))
    assert -1.0 < filled[1, 0, 0] < filled[1, 1, 0] < -0.2


def test_a_gap_that_kriging_puts_below_the_least_value_is_cut_off():
    rows = np.array([[0.0], [0.1], [0.2], [0.3]])
    table = np.array([[[0.0]] * 4, [[0.0]] * 4, [[0.0]] * 4, [[LEAST_VALUE]] * 4])
    table[:3, 0] = LEAST_VALUE
    table[3, 0] = np.nan
    kernel = ConfigurationKernel(1.0)
    level = levels(table, rows, kernel.length)
    others = correlations(rows[1:], rows[1:], 1.0) + (NUGGET + LEVEL_NOISE) * np.eye(3)
    away = correlations(rows[:1], rows[1:], 1.0) @ np.linalg.inv(others) @ (table[3] - level)[1:]
    assert level[0] + away < LEAST_VALUE
    assert complete(table, rows, kernel)[3, 0, 0] == LEAST_VALUE


def pool_values(scenarios: Scenarios) -> tuple[np.ndarray, np.ndarray]:
    """Rows and values of two configurations that were recorded and three that were not, of which one is a neighbor of a
    recorded one and one is far from all."""
    rows = np.vstack([scenarios.rows[5], scenarios.rows[2] + 0.01, [0.3, -0.4], scenarios.rows[1], [60.0, 60.0]])
    return rows, scenarios.values_of(rows, np.array([5, -1, -1, 1, -1]))


NEW = [1, 2, 4]


def test_recorded_configurations_have_the_values_of_the_table(scenarios):
    _, found = pool_values(scenarios)
    np.testing.assert_array_equal(found[:, [0, 3]], scenarios.values[:, [5, 1]])
    assert found.shape == (M, 5, T)


def test_others_are_kriged_by_a_gaussian_process_with_a_nugget(scenarios):
    rows, found = pool_values(scenarios)
    length = scenarios.kernel.length
    noisy = correlations(scenarios.rows, scenarios.rows, length) + NUGGET * np.eye(C)
    shares = correlations(rows[NEW], scenarios.rows, length) @ np.linalg.inv(noisy)
    for task in range(M):
        for slice_ in range(T):
            recorded = scenarios.values[task, :, slice_]
            expected = recorded.mean() + shares @ (recorded - recorded.mean())
            np.testing.assert_allclose(found[task, NEW, slice_], expected, atol=1e-10)


def test_a_stranger_to_all_is_as_good_as_the_mean_configuration(scenarios):
    _, found = pool_values(scenarios)
    np.testing.assert_allclose(found[:, 4], scenarios.values.mean(axis=1), atol=1e-10)


def test_the_table_stays_as_it_is_when_a_pool_is_changed(scenarios):
    before = scenarios.values.copy()
    scenarios.values_of(scenarios.rows[:3], np.arange(3))[:] = 9.0
    np.testing.assert_array_equal(scenarios.values, before)
