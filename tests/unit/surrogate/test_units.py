from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scaling import Scaling
from foretune.surrogate.units import Unit, fit_unit, left_out_errors, ridge

RNG = np.random.default_rng(0)
FEATURES = RNG.normal([3.0, -1.0, 10.0], [2.0, 0.1, 5.0], size=(12, 3))
SCALING = Scaling.of(FEATURES)
ROWS = SCALING(FEATURES)
BEST = 1.0 + ROWS @ np.array([0.5, -0.3, 0.0]) + 0.1 * RNG.normal(size=12)
SCALES = np.exp(RNG.normal(-1.0, 0.4, size=12))


def without(place: int) -> np.ndarray:
    return np.arange(len(ROWS)) != place


def test_ridge_is_where_the_penalized_squares_are_least():
    weights = ridge(ROWS, BEST, 3.0)
    design = np.hstack([ROWS, np.ones((12, 1))])
    slope = design.T @ (design @ weights - BEST) + 3.0 * np.append(weights[:3], 0.0)
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


@pytest.mark.parametrize("penalty", [0.1, 3.0, 100.0])
def test_left_out_errors_are_those_of_fits_without_each_task(penalty):
    """The others no longer have mean 0, which `ridge` asks for: their means are part of each fit."""
    missed = []
    for place in range(12):
        kept = without(place)
        center = ROWS[kept].mean(axis=0)
        weights = ridge(ROWS[kept] - center, BEST[kept], penalty)
        missed.append(BEST[place] - np.append(ROWS[place] - center, 1.0) @ weights)
    np.testing.assert_allclose(left_out_errors(ROWS, BEST, penalty), missed, atol=1e-12)


def test_left_out_errors_are_those_of_least_squares_with_a_free_intercept():
    design, penalty = np.hstack([ROWS, np.ones((12, 1))]), np.diag([3.0, 3.0, 3.0, 0.0])
    for place, error in enumerate(left_out_errors(ROWS, BEST, 3.0)):
        kept = design[without(place)]
        weights = np.linalg.solve(kept.T @ kept + penalty, kept.T @ BEST[without(place)])
        assert error == pytest.approx(BEST[place] - design[place] @ weights)


def test_without_meta_features_the_best_of_others_is_their_mean():
    unit = fit_unit(np.empty((12, 0)), Scaling.of(np.empty((12, 0))), BEST, SCALES)
    assert unit.best(np.empty(0)) == pytest.approx(BEST.mean())
    missed = [BEST[place] - BEST[without(place)].mean() for place in range(12)]
    assert unit.best_error == pytest.approx(np.sqrt(np.mean(np.square(missed))))


def test_the_best_gain_follows_the_meta_features_and_is_missed_by_more_on_tasks_left_out():
    unit = fit_unit(FEATURES, SCALING, BEST, SCALES)
    predicted = np.array([unit.best(features) for features in FEATURES])
    assert np.corrcoef(predicted, BEST)[0, 1] > 0.9
    assert np.sqrt(np.mean((predicted - BEST) ** 2)) < unit.best_error < BEST.std()
    assert unit.best(SCALING.center) == pytest.approx(BEST.mean())


def test_the_best_gain_stays_within_what_was_seen():
    unit = fit_unit(FEATURES, SCALING, BEST, SCALES)
    strange = SCALING.center + 100.0 * SCALING.spread
    found = {unit.best(sign * strange) for sign in (-1.0, 1.0)}
    assert found == {BEST.min(), BEST.max()}


def test_the_scale_of_a_new_task_is_a_weighted_mean_of_logarithms():
    unit = Unit(SCALING, BEST, np.zeros(4), 0.0, np.log([1.0, 2.0, 4.0, 100.0]))
    mean, std = unit.log_scale(np.array([0, 2]), np.array([0.25, 0.75]))
    assert mean == pytest.approx(0.75 * np.log(4.0))
    assert std == pytest.approx(np.hypot(np.sqrt(0.25 * 0.75) * np.log(4.0), 0.1))


def test_scales_that_agree_are_still_not_certain():
    unit = Unit(SCALING, BEST, np.zeros(4), 0.0, np.log([3.0, 3.0]))
    assert unit.log_scale(np.array([0, 1]), np.array([0.5, 0.5])) == pytest.approx((np.log(3.0), 0.1))


def test_tasks_in_another_unit_say_nothing_of_this_one():
    strange = np.vstack([FEATURES, np.full((2, 3), np.nan)])
    nothing = np.full(2, np.nan)
    mixed = fit_unit(strange, Scaling.of(strange), np.append(BEST, nothing), np.append(SCALES, nothing))
    alone = fit_unit(FEATURES, SCALING, BEST, SCALES)
    assert mixed.best(FEATURES[3]) == pytest.approx(alone.best(FEATURES[3]))
    assert mixed.best_error == pytest.approx(alone.best_error)
    weights = np.array([0.5, 0.5])
    assert mixed.log_scale(np.array([0, 1]), weights) == pytest.approx(alone.log_scale(np.array([0, 1]), weights))
    mean, spread = mixed.log_scale(np.array([12, 13]), weights)
    assert mean == pytest.approx(np.log(SCALES).mean())
    assert spread == pytest.approx(np.hypot(np.log(SCALES).std(), 0.1))


def test_a_new_task_in_another_unit_has_the_best_and_the_scale_of_typical_tasks():
    unit = fit_unit(FEATURES, SCALING, 100.0 * BEST, 100.0 * SCALES).in_another_unit
    assert unit.best(FEATURES[0]) == 1.9
    assert unit.log_scale(np.array([0, 1]), np.array([0.5, 0.5])) == pytest.approx((-1.3, np.hypot(1.3, 0.1)))


def test_a_meta_feature_that_is_not_known_is_taken_to_be_typical():
    unit = fit_unit(FEATURES, SCALING, BEST, SCALES)
    lacking = np.array([np.nan, *FEATURES[0, 1:]])
    typical = np.array([FEATURES[:, 0].mean(), *FEATURES[0, 1:]])
    assert unit.best(lacking) == pytest.approx(unit.best(typical))
