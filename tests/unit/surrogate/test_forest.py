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
