from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scaling import Scaling
from foretune.surrogate.similarity import _WIDTH as WIDTH
from foretune.surrogate.similarity import Similarity

FEATURES = np.random.default_rng(0).normal(3.0, 2.0, size=(5, 4))


def similarity(features: np.ndarray = FEATURES) -> Similarity:
    scaling = Scaling.of(features)
    return Similarity(scaling, scaling(features))


def closeness(squared: np.ndarray) -> np.ndarray:
    """Weights from mean squares; the nearest task is the unit."""
    raw = np.exp(-0.5 * (squared - squared.min()) / WIDTH**2)
    return raw / raw.sum()


def test_weights_fall_with_the_mean_square_of_standardized_features():
    new = FEATURES.mean(axis=0) + 0.5
    squared = (((FEATURES - new) / FEATURES.std(axis=0)) ** 2).mean(axis=1)
    np.testing.assert_allclose(similarity().weights(new), closeness(squared))


def test_a_task_that_is_like_no_other_still_has_weights_that_sum_to_one():
    weights = similarity().weights(np.full(4, 1e9))
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()


def test_an_equal_task_weighs_most():
    weights = similarity().weights(FEATURES[2])
    assert weights.argmax() == 2
    assert (np.delete(weights, 2) < weights[2]).all()


def test_meta_features_that_never_varied_do_not_count():
    constant = np.hstack([FEATURES, np.full((5, 2), 7.0)])
    new = np.append(FEATURES[0] + 1.0, [7.0, 1e6])
    np.testing.assert_allclose(similarity(constant).weights(new), similarity().weights(new[:4]))


@pytest.mark.parametrize("features", [np.full((5, 2), 7.0), np.empty((5, 0))])
def test_without_meta_features_that_vary_all_tasks_weigh_the_same(features):
    np.testing.assert_allclose(similarity(features).weights(features[0] + 1.0), 0.2)


@pytest.mark.parametrize("of_the_new_task", [True, False])
def test_a_meta_feature_that_is_not_known_is_two_apart(of_the_new_task):
    features, new = FEATURES.copy(), FEATURES[2].copy()
    if of_the_new_task:
        new[1] = np.nan
    else:
        features[2, 1] = np.nan
        new[1] = np.nanmean(features[:, 1])
    spread, known = np.nanstd(features, axis=0), features - new
    squared = np.where(np.isnan(known), 2.0, (known / spread) ** 2).mean(axis=1)
    assert squared[2] == pytest.approx(2.0 / 4)
    np.testing.assert_allclose(similarity(features).weights(new), closeness(squared))
