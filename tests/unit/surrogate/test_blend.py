"""What a blend expects is the exact conditional of a joint normal distribution, which is written out here in full."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from foretune.surrogate.blend import Blend

N, T, R = 6, 4, 3
PATTERNS = {
    "one slice": {2: 1},
    "a whole run": {4: T},
    "the whole run of one and some slices of others": {3: 2, 0: T, 5: 1},
    "something of all": dict(enumerate((1, 4, 2, 1, 3, 2))),
    "all": dict.fromkeys(range(N), T),
}


@dataclass(frozen=True)
class Own:
    """See `OwnDeviation`: any covariance."""

    full: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        return np.diag(self.full)

    def covariance(self, chosen: np.ndarray) -> np.ndarray:
        return self.full[:, chosen]


@pytest.fixture
def blend() -> Blend:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(N, 2))
    alike = np.exp(-0.5 * ((points[:, None] - points) ** 2).sum(axis=2))
    return Blend(rng.normal(size=(N, T)), rng.normal(size=(N, T, R)), Own(0.3 * alike), 0.2, 0.05)


def readings(pattern: dict[int, int]) -> dict[int, np.ndarray]:
    """Two readings of the first slices of some configurations."""
    rng = np.random.default_rng(1)
    return {place: rng.normal(size=(2, count)) for place, count in pattern.items()}


def signal(blend: Blend) -> np.ndarray:
    """A A^T + D: the covariance (N T, N T) of all values but for what each slice has for itself."""
    flat = blend.deviations.reshape(N * T, R)
    own = blend.own.covariance(np.arange(N)) + blend.run_variance * np.eye(N)
    return flat @ flat.T + np.kron(own, np.ones((T, T)))


def written_out(blend: Blend, seen: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (S, N, T) and standard deviation (N, T) of a value that is read anew, and the log density of the seen."""
    cells = [place * T + slice_ for place, values in seen.items() for slice_ in range(values.shape[1])]
    covariance = signal(blend)
    observed = covariance[np.ix_(cells, cells)] + blend.slice_variance * blend.redundancy * np.eye(len(cells))
    shares = np.linalg.solve(observed, covariance[cells]).T
    misses = np.hstack(list(seen.values())) - blend.mean.ravel()[cells]
    mean = (blend.mean.ravel() + misses @ shares.T).reshape(-1, N, T)
    variance = np.diag(covariance - shares @ covariance[cells]) + blend.slice_variance
    surprise = (misses * np.linalg.solve(observed, misses.T).T).sum(axis=1)
    log_density = -0.5 * (surprise + np.linalg.slogdet(2 * np.pi * observed)[1])
    return mean, np.sqrt(variance).reshape(N, T), log_density


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
@pytest.mark.parametrize("redundancy", [1.0, 2.5])
def test_it_is_the_conditional_of_the_joint_normal(blend, pattern, redundancy):
    blend, seen = replace(blend, redundancy=redundancy), readings(pattern)
    outlook = blend.given(seen)
    mean, std, log_density = written_out(blend, seen)
    np.testing.assert_allclose(outlook.mean, mean, atol=1e-10)
    np.testing.assert_allclose(outlook.std, std, atol=1e-10)
    np.testing.assert_allclose(np.diff(outlook.log_likelihood), np.diff(log_density), rtol=1e-9)


def test_the_noise_of_slices_that_are_not_seen_is_part_of_the_joint(blend):
    """With it on the diagonal of all values the conditional of the unseen ones is the same."""
    seen = readings(PATTERNS["the whole run of one and some slices of others"])
    cells = [place * T + slice_ for place, values in seen.items() for slice_ in range(values.shape[1])]
    others = np.setdiff1d(np.arange(N * T), cells)
    joint = signal(blend) + blend.slice_variance * np.eye(N * T)
    shares = np.linalg.solve(joint[np.ix_(cells, cells)], joint[np.ix_(cells, others)]).T
    variance = np.diag(joint[np.ix_(others, others)] - shares @ joint[np.ix_(cells, others)])
    np.testing.assert_allclose(blend.given(seen).std.ravel()[others], np.sqrt(variance), atol=1e-10)


def test_nothing_seen_leaves_what_was_expected_before(blend):
    outlook = blend.given({})
    np.testing.assert_array_equal(outlook.mean, blend.mean[None])
    variance = np.diag(signal(blend)).reshape(N, T) + blend.slice_variance
    np.testing.assert_allclose(outlook.std, np.sqrt(variance))
    assert outlook.log_likelihood.tolist() == [0.0]


def test_redundant_slices_count_as_if_they_were_noisier(blend):
    seen = readings(PATTERNS["something of all"])
    redundant = replace(blend, redundancy=3.0).given(seen)
    noisier = replace(blend, slice_variance=3.0 * blend.slice_variance).given(seen)
    np.testing.assert_allclose(redundant.mean, noisier.mean)
    np.testing.assert_allclose(redundant.log_likelihood, noisier.log_likelihood)
    np.testing.assert_allclose(redundant.std**2, noisier.std**2 - 2.0 * blend.slice_variance)


def test_many_redundant_slices_tell_no_more_than_fewer(blend):
    """A run of twice as many slices that are like each other, of which two count as one, tells as much."""
    flat = replace(blend, deviations=np.repeat(blend.deviations[:, :1], T, axis=1))
    twice = replace(flat, mean=np.repeat(flat.mean, 2, axis=1), deviations=np.repeat(flat.deviations, 2, axis=1))
    seen = readings({1: T, 4: 2})
    doubled = {place: np.repeat(values, 2, axis=1) for place, values in seen.items()}
    once, again = flat.given(seen), replace(twice, redundancy=2.0).given(doubled)
    np.testing.assert_allclose(again.mean[:, :, ::2], once.mean)
    np.testing.assert_allclose(again.std[:, ::2], once.std)


def test_the_order_of_what_was_seen_does_not_matter(blend):
    seen = readings(PATTERNS["something of all"])
    one, two = blend.given(seen), blend.given(dict(reversed(seen.items())))
    np.testing.assert_allclose(one.mean, two.mean)
    np.testing.assert_allclose(one.std, two.std)


def test_told_in_parts_it_knows_the_same(blend):
    seen, fresh = readings(PATTERNS["the whole run of one and some slices of others"]), replace(blend)
    for count in range(1, T + 1):
        outlook = blend.given({place: values[:, :count] for place, values in seen.items()})
    once = fresh.given(seen)
    np.testing.assert_allclose(outlook.mean, once.mean)
    np.testing.assert_allclose(outlook.std, once.std)
    np.testing.assert_allclose(outlook.log_likelihood, once.log_likelihood)


def test_what_was_believed_for_a_while_is_forgotten(blend):
    seen, fresh = readings(PATTERNS["all"]), replace(blend)
    observed, believed = {0: seen[0]}, {0: seen[0], 1: seen[1] + 1.0}
    blend.given(observed)
    blend.given(believed)
    for place in (1, 2):
        observed[place] = seen[place]
    np.testing.assert_allclose(blend.given(observed).mean, fresh.given(observed).mean)
    np.testing.assert_allclose(blend.given({0: seen[0][:, :1]}).std, fresh.given({0: seen[0][:, :1]}).std)


def test_an_outlook_may_be_changed(blend):
    seen = readings(PATTERNS["a whole run"])
    first = blend.given(seen)
    expected = first.mean.copy()
    first.mean[:] = 0.0
    np.testing.assert_array_equal(blend.given(seen).mean, expected)


def test_a_run_that_is_better_than_expected_moves_like_ones_and_no_others():
    alike = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    blend = Blend(np.zeros((3, 2)), np.zeros((3, 2, 1)), Own(alike), run_variance=0.1, slice_variance=0.01)
    before, after = blend.given({}), blend.given({0: np.ones((1, 1))})
    assert 1.0 > after.mean[0, 0, 1] > after.mean[0, 1, 1] > 0.5
    np.testing.assert_allclose(after.mean[0, 2], 0.0, atol=1e-12)
    assert (after.std[:2] < before.std[:2]).all()
    np.testing.assert_allclose(after.std[2], before.std[2])


def test_a_run_that_only_one_earlier_task_foretold_moves_all_as_that_one_says():
    earlier = np.array([[[1.0], [1.0], [-1.0]], [[-1.0], [-1.0], [1.0]]])
    deviations = np.moveaxis(np.sqrt(0.5) * earlier, 0, 2)
    blend = Blend(np.zeros((3, 1)), deviations, Own(np.zeros((3, 3))), run_variance=1e-6, slice_variance=1e-6)
    outlook = blend.given({0: np.array([[1.0], [-1.0]])})
    np.testing.assert_allclose(outlook.mean, earlier, atol=1e-4)
    assert outlook.log_likelihood[0] == pytest.approx(outlook.log_likelihood[1])


def test_the_reading_that_is_more_likely_is_the_one_that_was_expected(blend):
    expected = blend.mean[3]
    outlook = blend.given({3: np.array([expected, expected + 1.0, expected + 2.0])})
    assert outlook.log_likelihood[0] == 0.0
    assert (np.diff(outlook.log_likelihood) < 0).all()
