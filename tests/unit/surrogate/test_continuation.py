from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.continuation import Continuation, product


def rising_and_falling() -> np.ndarray:
    """100 runs that rise by 0.1 a slice to the end, and 100 that fall from the third slice on; a little apart."""
    rng = np.random.default_rng(0)
    rising = 0.1 * np.arange(1, 9) * np.ones((100, 1))
    falling = np.where(np.arange(8) < 2, rising, 0.2 - 0.1 * (np.arange(8) - 1))
    return np.concatenate([rising, falling]) + rng.normal(0.0, 0.005, (200, 8))


def test_a_curve_goes_on_like_those_that_looked_the_same():
    known = Continuation.of(rising_and_falling())
    mean, std = known.after(np.array([0.1, 0.2, 0.3, 0.4]))
    np.testing.assert_allclose(mean, [0.5, 0.6, 0.7, 0.8], atol=0.02)
    assert (std < 0.02).all()
    mean, _ = known.after(np.array([0.1, 0.2, 0.1]))
    np.testing.assert_allclose(mean, [0.0, -0.1, -0.2, -0.3, -0.4], atol=0.02)


def test_where_shapes_do_not_tell_both_ways_are_open():
    """After two slices all of them look alike."""
    _, std = Continuation.of(rising_and_falling()).after(np.array([0.1, 0.2]))
    assert (np.diff(std) > 0).all()
    assert std[-1] > 0.3


def test_of_very_many_runs_some_are_kept():
    curves = np.tile(np.linspace(0.0, 1.0, 5000)[:, None], (1, 8))
    kept = Continuation.of(curves).curves
    assert kept.shape == (2000, 8)
    assert (kept[0, 0], kept[-1, 0]) == (0.0, 1.0)


def test_one_run_is_enough_to_compare_with():
    mean, std = Continuation.of(np.arange(8.0)[None]).after(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(mean, [4.0, 5.0, 6.0, 7.0, 8.0])
    assert (std > 0).all()


def test_the_product_of_two_normal_densities():
    """Against their values on a grid."""
    grid = np.linspace(-10.0, 10.0, 200_001)
    density = np.exp(-0.5 * ((grid - 1.0) / 0.7) ** 2 - 0.5 * ((grid + 0.5) / 1.3) ** 2)
    density /= density.sum()
    mean = density @ grid
    found = product((np.array([1.0]), np.array([0.7])), (np.array([-0.5]), np.array([1.3])))
    assert found[0][0] == pytest.approx(mean)
    assert found[1][0] == pytest.approx(np.sqrt(density @ (grid - mean) ** 2))
