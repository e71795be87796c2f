from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.curve_model import CurvesOnTask, fit_basis
from foretune.surrogate.multitask import MultitaskKernel, NewTask, Points

SLICES, POOL = 5, 4
KERNEL = MultitaskKernel(np.array([1.0]), np.empty(0), np.array([0.4, 0.0, 0.5]), np.ones(3), 0.1)


def curves(seed: int = 0, count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rise = np.linspace(0.2, 1.0, SLICES)
    return (
        rng.normal(size=(count, 1)) * rise + rng.normal(size=(count, 1)) * rise**3 + 0.02 * rng.normal(size=(count, 5))
    )


@pytest.fixture
def on_task() -> CurvesOnTask:
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(POOL, 1)), np.empty((POOL, 0)))
    latents = tuple(NewTask(KERNEL, points, rng.normal(size=POOL), np.zeros((POOL, 1))) for _ in range(2))
    return CurvesOnTask(fit_basis(curves(), 2), latents, np.array([0.1, -0.2, 0.0, 0.3]), offset_variance=0.5)


def joint(task: CurvesOnTask) -> np.ndarray:
    """Covariance of all slices of all configurations, written out."""
    size = POOL * SLICES
    full = np.full((size, size), task.offset_variance) + task.basis.residual * np.eye(size)
    for column, latent in enumerate(task.latents):
        direction = task.basis.directions[:, column]
        full += np.kron(latent.covariance(np.arange(POOL)), np.outer(direction, direction))
    return full


def test_a_basis_explains_the_curves_that_it_is_made_from():
    recorded = curves()
    basis = fit_basis(recorded, 2)
    rebuilt = basis.mean + basis.latents(recorded) @ basis.directions.T
    assert ((recorded - rebuilt) ** 2).mean() < 0.01 * recorded.var()
    np.testing.assert_allclose(basis.latents(recorded).std(0), 1.0, rtol=1e-6)


def test_more_directions_than_slices_are_not_asked_for():
    assert fit_basis(curves()[:, :1], 3).directions.shape == (1, 1)


def test_without_observations_it_is_the_prior(on_task):
    mean, std = on_task.given({})
    np.testing.assert_allclose(mean, on_task.mean)
    np.testing.assert_allclose(std.ravel() ** 2, np.diag(joint(on_task)), rtol=1e-9)


@pytest.mark.parametrize("seen", [{1: 2}, {0: 5, 2: 1}, {0: 5, 1: 4, 2: 3, 3: 1}])
def test_conditioning_is_that_of_the_joint_normal_distribution(on_task, seen):
    rng = np.random.default_rng(1)
    values = {place: rng.normal(size=count) for place, count in seen.items()}
    flat = np.concatenate([place * SLICES + np.arange(count) for place, count in seen.items()])
    observed = np.concatenate(list(values.values()))
    covariance, prior = joint(on_task), on_task.mean.ravel()
    gain = np.linalg.solve(covariance[np.ix_(flat, flat)], covariance[flat]).T
    expected = prior + gain @ (observed - prior[flat])
    variance = np.diag(covariance - gain @ covariance[flat])
    unseen = np.setdiff1d(np.arange(POOL * SLICES), flat)

    mean, std = on_task.given(values)
    np.testing.assert_allclose(mean.ravel()[unseen], expected[unseen], atol=1e-8)
    np.testing.assert_allclose(std.ravel()[unseen] ** 2, variance[unseen], atol=1e-8)
    for place, own in values.items():
        np.testing.assert_array_equal(mean[place, : len(own)], own)
