from __future__ import annotations

import math

import numpy as np
import pytest

from foretune.acquisition import expected_improvement, hope, per_cost, worth
from foretune.types import Prediction

NAN = math.nan


@pytest.mark.parametrize("incumbent", [-1.0, 0.0, 0.7])
def test_expected_improvement_agrees_with_monte_carlo(incumbent):
    rng = np.random.default_rng(0)
    prediction = Prediction(rng.normal(0, 1, 6), rng.uniform(0.1, 1.5, 6))
    draws = prediction.mean + prediction.std * rng.standard_normal((400_000, 6))
    estimate = np.maximum(draws - incumbent, 0.0).mean(0)
    np.testing.assert_allclose(expected_improvement(prediction, incumbent), estimate, atol=4e-3)


def test_expected_improvement_without_uncertainty_is_the_improvement():
    prediction = Prediction(np.array([2.0, -3.0]), np.array([1e-9, 1e-9]))
    np.testing.assert_allclose(expected_improvement(prediction, 0.5), [1.5, 0.0], atol=1e-12)


def test_hopeless_candidates_are_worth_nothing_and_never_less():
    values = expected_improvement(Prediction(np.linspace(-40, -5, 50), np.ones(50)), 0.0)
    assert (values >= 0).all()
    assert (np.diff(values) >= 0).all()


def test_per_cost_refuses_free_slices():
    np.testing.assert_array_equal(per_cost(np.array([1.0, 3.0]), np.array([2.0, 1.5])), [0.5, 2.0])
    with pytest.raises(ValueError, match="seconds must be positive"):
        per_cost(np.array([1.0]), np.array([0.0]))


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


def test_hope_never_makes_a_loss_better_than_perfect_and_agrees_to_first_order():
    losses = Prediction(np.array([-2.0, -0.03]), np.array([0.1, 0.1]))
    hopes = hope(losses, 2.0)
    assert (hopes > losses.mean).all()
    assert (hopes < 0).all()
    np.testing.assert_allclose(hopes[0], -2.0 + 2 * 0.1, atol=0.02)


def test_hope_of_other_scores_is_mean_plus_deviations():
    np.testing.assert_allclose(hope(Prediction(np.array([0.5]), np.array([0.2])), 2.0), [0.9])
