from __future__ import annotations

import numpy as np

from foretune.surrogate.scaling import Scaling

ROWS = np.random.default_rng(0).normal([5.0, -1e4, 0.0], [2.0, 300.0, 1e-6], size=(50, 3))


def test_columns_of_any_unit_come_to_mean_zero_and_deviation_one():
    scaled = Scaling.of(ROWS)(ROWS)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1.0)


def test_a_column_that_never_varied_is_zero_whatever_comes_later():
    scaling = Scaling.of(np.array([[1.0, 7.0], [3.0, 7.0]]))
    np.testing.assert_array_equal(scaling(np.array([[2.0, 7.0], [3.0, -1e9]])), [[0.0, 0.0], [1.0, 0.0]])


def test_what_lies_far_outside_is_clipped_and_what_is_missing_stays_missing():
    scaled = Scaling.of(ROWS)(np.array([[1e9, -1e9, np.nan]]))
    np.testing.assert_array_equal(scaled, [[4.0, -4.0, np.nan]])


def test_what_is_missing_stays_missing_and_moves_nothing():
    rows = np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    scaling = Scaling.of(rows)
    assert scaling.center.tolist() == [2.0, 5.0, 0.0]
    assert scaling.spread.tolist() == [1.0, np.inf, np.inf]
    np.testing.assert_array_equal(scaling(rows), [[-1.0, np.nan, np.nan], [1.0, 0.0, np.nan]])
