from __future__ import annotations

import numpy as np
import pytest

from foretune.acquisition import expected_improvement, per_cost
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
