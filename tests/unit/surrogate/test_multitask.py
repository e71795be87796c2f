from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.multitask import MultitaskKernel, Points, choose_inducing, condition
from foretune.surrogate.multitask_train import KernelRecipe, train_kernel

KERNEL = MultitaskKernel(
    row_lengths=np.array([0.7, 1.5]),
    feature_lengths=np.array([1.2]),
    amplitudes=np.array([0.5, 0.9, 0.3]),
    factors=np.array([1.0, 1.3, 0.8]),
    noise=0.05,
)


def recorded(tasks: int = 4, runs: int = 7, seed: int = 0) -> list[tuple[Points, np.ndarray]]:
    """Runs whose score is a bump at a place that a feature of the task tells."""
    rng = np.random.default_rng(seed)
    found = []
    for feature in rng.normal(size=tasks):
        rows = rng.normal(size=(runs, 2))
        targets = np.cos(rows[:, 0] - feature) + 0.1 * rng.standard_normal(runs)
        found.append((Points(rows, np.full((runs, 1), feature)), targets))
    return found


def joined(tasks: list[tuple[Points, np.ndarray]]) -> Points:
    return Points(np.vstack([one.rows for one, _ in tasks]), np.vstack([one.features for one, _ in tasks]))


@pytest.fixture
def pool() -> Points:
    return Points(np.random.default_rng(9).normal(size=(5, 2)), np.full((5, 1), 0.4))


def test_with_all_points_inducing_it_is_the_exact_posterior(pool):
    tasks = recorded()
    everything, targets = joined(tasks), np.concatenate([y for _, y in tasks])
    owners = np.repeat(np.arange(len(tasks)), 7)
    own = KERNEL.specific(everything.rows, everything.rows) * (owners[:, None] == owners[None, :])
    covariance = KERNEL.general(everything, everything) + own + KERNEL.noise * np.eye(len(owners))
    cross = KERNEL.general(pool, everything)
    mean = cross @ np.linalg.solve(covariance, targets)
    left = KERNEL.general(pool, pool) - cross @ np.linalg.solve(covariance, cross.T)
    left += KERNEL.specific(pool.rows, pool.rows) + KERNEL.noise * np.eye(5)

    new = condition(KERNEL, tasks, everything).on(pool)
    np.testing.assert_allclose(new.mean, mean, atol=1e-3)
    np.testing.assert_allclose(new.covariance(np.arange(5)), left, atol=1e-3)
    np.testing.assert_allclose(new.variance, np.diag(left), atol=1e-3)


def test_columns_of_the_covariance_are_those_that_were_asked_for(pool):
    tasks = recorded()
    new = condition(KERNEL, tasks, joined(tasks)).on(pool)
    chosen = np.array([3, 1])
    np.testing.assert_allclose(new.covariance(chosen), new.covariance(np.arange(5))[:, chosen])


def test_inducing_points_are_distinct_and_enough_of_them_explain_everything():
    points = joined(recorded())
    chosen = choose_inducing(KERNEL, points, 10)
    assert len(set(chosen.tolist())) == 10
    twice = Points(np.vstack([points.rows] * 2), np.vstack([points.features] * 2))
    assert len(choose_inducing(KERNEL, twice, 1000)) <= len(points)


def test_training_finds_what_matters():
    """The first column decides with the feature; the second is noise, so its lengthscale grows."""
    kernel = train_kernel(recorded(tasks=12, runs=12), KernelRecipe(steps=60), np.random.default_rng(0))
    assert kernel.row_lengths[1] > 2 * kernel.row_lengths[0]
    assert kernel.noise < 0.1


def test_training_is_deterministic():
    one, two = (train_kernel(recorded(), KernelRecipe(steps=5), np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one.row_lengths, two.row_lengths)
    assert one.noise == two.noise
