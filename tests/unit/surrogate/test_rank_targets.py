from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.rank_targets import quantiles, typical_function
from foretune.surrogate.scenarios import LEAST_VALUE


def gains(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(6, 8))


def test_the_best_slice_is_near_one_and_the_worst_near_zero():
    values = gains()
    found = quantiles(values)
    assert found.argmax() == values.argmax()
    assert found.argmin() == values.argmin()
    assert (found.max(), found.min()) == pytest.approx((1 - 0.5 / 48, 0.5 / 48))


@pytest.mark.parametrize("transform", [np.exp, lambda x: 3 * x - 7, lambda x: np.where(x < -1, 1e6 * x, x)])
def test_a_monotone_transform_of_a_task_leaves_its_targets_unchanged(transform):
    np.testing.assert_array_equal(quantiles(transform(gains())), quantiles(gains()))


def test_ties_share_their_quantile():
    values = np.array([[2.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(quantiles(values), [[0.875, 0.5], [0.5, 0.125]])


def test_the_way_back_from_the_quantiles_of_the_only_task():
    values = -np.abs(gains())
    back = typical_function([values])(quantiles(values))
    close = values > LEAST_VALUE / 2
    np.testing.assert_allclose(back[close], values[close], atol=0.1)


def test_the_function_rises_to_the_best_and_is_bounded_below():
    function = typical_function([100 * (gains(seed) - gains(seed).max()) for seed in range(3)])
    assert (np.diff(function.values) >= 0).all()
    assert function(np.array([0.0, 1.0])) == pytest.approx([LEAST_VALUE, 0.0])
