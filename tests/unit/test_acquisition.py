from __future__ import annotations

import math

import numpy as np
import pytest

from foretune.acquisition import expected_improvement, on_log_axis, per_cost
from foretune.types import Prediction


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


def test_losses_are_placed_by_their_logarithms():
    losses, errors = np.array([[2.0, 0.5], [1.0, 4.0]]), np.array([[0.1, 0.2], [0.01, 2.0]])
    placed, incumbent = on_log_axis(Prediction(-losses, errors), -0.8)
    np.testing.assert_allclose(placed.mean, -np.log(losses))
    np.testing.assert_allclose(placed.std, errors / losses)
    assert incumbent == pytest.approx(-math.log(0.8))


@pytest.mark.parametrize(
    ("mean", "incumbent"), [([0.5, 0.9], 0.7), ([0.0, -1.0], -0.5), ([-0.5, -1.0], 0.0), ([-0.5, 2.0], -1.0)]
)
def test_scores_that_are_no_losses_stay_as_they_are(mean, incumbent):
    prediction = Prediction(np.array(mean), np.array([0.1, 0.2]))
    assert on_log_axis(prediction, incumbent) == (prediction, incumbent)


def test_every_halving_of_a_loss_is_worth_the_same_on_the_log_axis():
    prediction = Prediction(np.array([-0.9, -1.3, -2.0]), np.array([0.05, 0.4, 1.5]))
    halved = Prediction(prediction.mean / 2, prediction.std / 2)
    np.testing.assert_allclose(
        expected_improvement(*on_log_axis(prediction, -1.0)), expected_improvement(*on_log_axis(halved, -0.5))
    )


def test_on_the_log_axis_improvement_is_that_of_losses_which_are_never_below_zero():
    """It is that of log-normal losses; of the normal ones a third would be below 0 here."""
    prediction, incumbent = Prediction(np.array([-0.03]), np.array([0.1])), -0.02
    placed, best = on_log_axis(prediction, incumbent)
    draws = np.random.default_rng(0).standard_normal((400_000, 1))
    losses = np.exp(-(placed.mean + placed.std * draws))
    assert losses.min() > 0
    assert ((prediction.mean + prediction.std * draws) > 0).mean() > 0.3
    hoped = np.maximum(np.log(-incumbent / losses), 0.0).mean(0)
    np.testing.assert_allclose(expected_improvement(placed, best), hoped, rtol=0.01)


def test_to_first_order_the_log_axis_only_changes_the_unit():
    prediction, incumbent = Prediction(np.array([-2.0, -2.0002, -1.9999]), np.full(3, 1e-4)), -2.0
    np.testing.assert_allclose(
        2.0 * expected_improvement(*on_log_axis(prediction, incumbent)),
        expected_improvement(prediction, incumbent),
        rtol=1e-3,
    )


def test_the_order_of_sure_predictions_is_the_same_on_the_log_axis():
    prediction = Prediction(-np.linspace(0.1, 5.0, 20), np.full(20, 1e-9))
    placed, incumbent = on_log_axis(prediction, -3.0)
    assert (np.diff(placed.mean) < 0).all()
    np.testing.assert_array_equal(placed.mean > incumbent, prediction.mean > -3.0)
