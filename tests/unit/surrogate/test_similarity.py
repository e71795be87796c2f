from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scaling import Scaling
from foretune.surrogate.similarity import _WIDTH as WIDTH
from foretune.surrogate.similarity import LANDMARKS as NAMES
from foretune.surrogate.similarity import Similarity, differing_labels, landmarks_of

FEATURES = np.random.default_rng(0).normal(3.0, 2.0, size=(5, 4))
LANDMARKS = np.random.default_rng(1).normal(size=(5, 3))
NO_DIFFERENCE = np.zeros(5)


def similarity(features: np.ndarray = FEATURES, landmarks: np.ndarray = LANDMARKS) -> Similarity:
    feature_scaling, told = Scaling.of(features), ~np.isnan(landmarks[:, 0])
    scaling = Scaling.of(landmarks[told] if told.any() else np.zeros_like(landmarks))
    return Similarity(feature_scaling, feature_scaling(features), scaling, scaling(landmarks))


def closeness(squared: np.ndarray) -> np.ndarray:
    """Weights from summed mean squares; the nearest task is the unit."""
    raw = np.exp(-0.5 * (squared - squared.min()) / WIDTH**2)
    return raw / raw.sum()


def test_weights_fall_with_mean_squares_of_standardized_features_landmarks_and_labels():
    new, told, differing = FEATURES.mean(axis=0) + 0.5, np.array([0.1, -0.2, 0.4]), np.array([0, 0.5, 1, 0.5, 0])
    squared = (((FEATURES - new) / FEATURES.std(axis=0)) ** 2).mean(axis=1) + differing
    np.testing.assert_allclose(similarity().weights(new, None, differing), closeness(squared))
    squared = squared + (((LANDMARKS - told) / LANDMARKS.std(axis=0)) ** 2).mean(axis=1)
    np.testing.assert_allclose(similarity().weights(new, told, differing), closeness(squared))


@pytest.mark.parametrize("told", [None, LANDMARKS[1]])
def test_a_task_that_is_like_no_other_still_has_weights_that_sum_to_one(told):
    weights = similarity().weights(np.full(4, 1e9), told, NO_DIFFERENCE)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()


@pytest.mark.parametrize("told", [None, LANDMARKS[2]])
def test_an_equal_task_weighs_most(told):
    weights = similarity().weights(FEATURES[2], told, NO_DIFFERENCE)
    assert weights.argmax() == 2
    assert (np.delete(weights, 2) < weights[2]).all()


def test_meta_features_that_never_varied_do_not_count():
    constant = np.hstack([FEATURES, np.full((5, 2), 7.0)])
    new = np.append(FEATURES[0] + 1.0, [7.0, 1e6])
    np.testing.assert_allclose(
        similarity(constant).weights(new, None, NO_DIFFERENCE), similarity().weights(new[:4], None, NO_DIFFERENCE)
    )


@pytest.mark.parametrize("features", [np.full((5, 2), 7.0), np.empty((5, 0))])
def test_without_meta_features_that_vary_all_tasks_weigh_the_same(features):
    weights = similarity(features).weights(features[0] + 1.0, None, NO_DIFFERENCE)
    np.testing.assert_allclose(weights, 0.2)


def test_a_task_without_a_reference_run_is_taken_to_be_two_apart():
    landmarks = LANDMARKS.copy()
    landmarks[3] = np.nan
    told = LANDMARKS[0]
    others = np.delete(LANDMARKS, 3, axis=0)
    apart = (((landmarks - told) / others.std(axis=0)) ** 2).mean(axis=1)
    apart[3] = 2.0
    alike = np.tile(FEATURES[0], (5, 1))
    weights = similarity(alike, landmarks).weights(alike[0], told, NO_DIFFERENCE)
    np.testing.assert_allclose(weights, closeness(apart))


def test_where_no_task_has_a_reference_run_landmarks_make_no_difference():
    bare = similarity(landmarks=np.full((5, 3), np.nan))
    told, untold = (bare.weights(FEATURES[1], one, NO_DIFFERENCE) for one in (LANDMARKS[0], None))
    np.testing.assert_array_equal(told, untold)


def test_other_labels_lower_the_weight():
    alike = np.tile(FEATURES[0], (5, 1))
    weights = similarity(alike).weights(alike[0], None, np.array([0.0, 0.5, 1.0, 0.0, 0.5]))
    assert weights[0] == weights[3] > weights[1] == weights[4] > weights[2]


def test_differing_labels_are_a_share_of_dataset_and_base_model():
    others = [("snips", "tiny"), ("snips", "small"), ("trec", "tiny"), ("trec", "small")]
    assert differing_labels(("snips", "tiny"), others).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert differing_labels(("plain", ""), [("plain", ""), ("plain", "tiny")]).tolist() == [0.0, 0.5]


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
    np.testing.assert_allclose(similarity(features).weights(new, None, NO_DIFFERENCE), closeness(squared))


def test_landmarks_are_read_off_the_curve():
    gains = np.array([0.1, 0.5, 0.7, 0.8, 0.9, 1.0, 0.7, 0.5])
    found = dict(zip(NAMES, landmarks_of(gains).tolist(), strict=True))
    assert found == {
        "first": 0.1, "middle": 0.8, "last": 0.5, "best": 1.0, "peak": 6 / 8, "lost": -0.5, "rise": -0.5
    }  # fmt: skip


def test_a_run_of_one_slice_has_landmarks_too():
    assert landmarks_of(np.array([0.3])).tolist() == [0.3, 0.3, 0.3, 0.3, 1.0, 0.0, 0.0]
