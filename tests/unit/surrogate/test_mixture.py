"""One of the earlier tasks, and which: against the textbook formulas on a pool small enough to write out."""

from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.mixture import Mixture

RNG = np.random.default_rng(3)
TASKS, POOL, SLICES = 3, 4, 2
VALUES = RNG.normal(size=(TASKS, POOL, SLICES))
COMMON = np.array([[0.4, -0.1], [0.4, 0.1]])
ALIKE = 0.09 * np.exp(-np.abs(np.subtract.outer(np.arange(POOL), np.arange(POOL))))
RUN, SLICE, TEMPER = 0.02, 0.01, 0.3


class Own:
    variance = np.diag(ALIKE).copy()

    def covariance(self, chosen):
        return ALIKE[:, chosen].copy()


MIXTURE = Mixture(VALUES, np.array([0.5, 0.3, 0.2]), COMMON, Own(), RUN, SLICE)


def joint() -> np.ndarray:
    """Covariance of all N T values, without the noise of slices; the pool varies slowest."""
    own = np.kron(ALIKE + RUN * np.eye(POOL), np.ones((SLICES, SLICES)))
    return own + np.tile(COMMON @ COMMON.T, (POOL, POOL))


def test_before_anything_is_seen_every_task_is_a_case_of_its_weight():
    found = MIXTURE.given({}, np.log([1.0]))
    np.testing.assert_allclose(found.weights, [0.5, 0.3, 0.2])
    np.testing.assert_array_equal(found.mean, VALUES)
    np.testing.assert_allclose(found.std.ravel() ** 2, np.diag(joint()) + SLICE)


@pytest.mark.parametrize("slices", [1, 2])
def test_after_some_slices_every_case_is_conditioned_on_them(slices):
    seen = {2: VALUES[1, 2, :slices][None] + 0.05, 0: VALUES[1, 0, :1][None] - 0.02}
    observed = [2 * SLICES + at for at in range(slices)] + [0]
    given = np.concatenate([values[0] for values in seen.values()])
    covariance = joint()
    among = covariance[np.ix_(observed, observed)] + SLICE * np.eye(len(observed))
    gain = np.linalg.solve(among, covariance[observed]).T
    apart = given - VALUES.reshape(TASKS, -1)[:, observed]
    density = np.exp(-0.5 * np.einsum("mk,kl,ml->m", apart, np.linalg.inv(among), apart))
    weights = MIXTURE.weights * density**TEMPER
    found = MIXTURE.given(seen, np.log([1.0]))
    kept = weights >= 0.01 * weights.max()
    np.testing.assert_allclose(found.weights, weights[kept] / weights[kept].sum())
    expected = VALUES.reshape(TASKS, -1) + apart @ gain.T
    np.testing.assert_allclose(found.mean.reshape(len(found.mean), -1), expected[kept])
    left = np.diag(covariance - gain @ covariance[observed]) + SLICE
    np.testing.assert_allclose(found.std.ravel() ** 2, left)


def test_each_reading_of_what_was_seen_is_a_case_of_its_own():
    seen = {1: np.array([VALUES[0, 1, :1], VALUES[0, 1, :1] - 1.0])}
    found = MIXTURE.given(seen, np.log([0.5, 0.5]))
    assert set(found.reading.tolist()) == {0, 1}
    assert found.weights.sum() == pytest.approx(1.0)
    alone = MIXTURE.given({1: seen[1][1:]}, np.log([1.0]))
    np.testing.assert_allclose(found.mean[found.reading == 1], alone.mean[: (found.reading == 1).sum()])
