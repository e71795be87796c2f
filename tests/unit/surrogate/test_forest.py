from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from foretune.surrogate.forest import ForestRecipe, grow

RECIPE = ForestRecipe(trees=20, least_rows=2, columns=0.5)


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, 4))
    return rows, np.sin(2 * rows[:, 0]) + rows[:, 1], rng.uniform(0.5, 2.0, size=150)


def test_it_predicts_what_scikit_learn_does():
    rows, targets, weights = data()
    expected = ExtraTreesRegressor(20, min_samples_leaf=2, max_features=0.5, random_state=3)
    expected.fit(rows, targets, sample_weight=weights)
    asked = np.random.default_rng(1).normal(size=(60, 4))
    np.testing.assert_allclose(
        grow(rows, targets, weights, RECIPE, 3).predict(asked), expected.predict(asked), atol=1e-5
    )


def test_a_constant_target_is_a_forest_of_leaves():
    rows, _, weights = data()
    forest = grow(rows, np.full(150, 0.25), weights, RECIPE, 0)
    np.testing.assert_allclose(forest.predict(rows[:3]), 0.25)


def test_thresholds_of_half_the_bits_send_no_row_elsewhere():
    """Rows that lie on a threshold, as close as 32 bits can tell."""
    rows, targets, weights = data()
    model = ExtraTreesRegressor(5, random_state=0, min_samples_leaf=2, max_features=0.5)
    model.fit(rows, targets, sample_weight=weights)
    tree = model.estimators_[0].tree_
    asked = np.repeat(rows[:1], tree.node_count, axis=0).astype(np.float32)
    inner = np.flatnonzero(tree.feature >= 0)
    asked[inner, tree.feature[inner]] = tree.threshold[inner].astype(np.float32)
    asked = np.concatenate([asked, np.nextafter(asked, np.float32(np.inf)), np.nextafter(asked, np.float32(-np.inf))])
    forest = grow(rows, targets, weights, ForestRecipe(trees=5, least_rows=2, columns=0.5), 0)
    np.testing.assert_allclose(forest.predict(asked), model.predict(asked), atol=1e-5)


def test_every_tree_can_be_asked_for_itself():
    rows, targets, weights = data()
    forest = grow(rows, targets, weights, RECIPE, 3)
    each = forest.predict_each(rows[:7])
    assert each.shape == (7, 20)
    assert each.std(axis=1).min() > 0
    np.testing.assert_allclose(each.mean(axis=1), forest.predict(rows[:7]))
    assert forest.predict_each(rows[:0]).shape == (0, 20)


def test_the_same_seed_grows_the_same_trees():
    one, two, other = (grow(*data(), RECIPE, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.threshold, two.threshold)
    assert len(one.threshold) != len(other.threshold) or not np.array_equal(one.threshold, other.threshold)


def test_rows_that_weigh_nothing_count_for_nothing():
    rows, targets, _ = data()
    weights = np.r_[np.ones(75), np.zeros(75)]
    spoiled = np.r_[targets[:75], np.full(75, 1e3)]
    assert grow(rows, spoiled, weights, RECIPE, 0).predict(rows).max() < 10
