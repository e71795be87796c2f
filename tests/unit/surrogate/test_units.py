from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scaling import Scaling
from foretune.surrogate.units import Units, fit_units

RNG = np.random.default_rng(0)
FEATURES = RNG.normal([3.0, -1.0, 10.0], [2.0, 0.1, 5.0], size=(12, 3))
ROWS = Scaling.of(FEATURES)(FEATURES)
BEST = 1.0 + ROWS @ np.array([0.5, -0.3, 0.0]) + 0.1 * RNG.normal(size=12)
SCALES = np.exp(RNG.normal(-1.0, 0.4, size=12))


LEVEL = np.full(12, 1 / 12)


@pytest.fixture
def units() -> Units:
    return fit_units(ROWS, BEST, SCALES)


def test_without_meta_features_the_best_gain_is_the_mean():
    unit = fit_units(np.empty((12, 0)), BEST, SCALES).of(np.empty(0), LEVEL)
    assert unit.best == pytest.approx(BEST.mean())
    assert unit.error == pytest.approx(BEST.std())


def test_the_best_gain_follows_the_meta_features(units):
    predicted = np.array([units.of(row, LEVEL).best for row in ROWS])
    assert np.corrcoef(predicted, BEST)[0, 1] > 0.9
    assert units.of(np.zeros(3), LEVEL).best == pytest.approx(BEST.mean())


def test_the_best_gain_is_within_the_range_of_earlier_tasks(units):
    found = {units.of(sign * np.array([4.0, -4.0, 0.0]), LEVEL).best for sign in (-1.0, 1.0)}
    assert found == {BEST.min(), BEST.max()}


def test_the_error_of_the_best_gain_is_the_distance_from_those_of_like_tasks(units):
    weights = np.zeros(12)
    weights[[3, 5]] = 0.25, 0.75
    unit = units.of(ROWS[3], weights)
    squared = 0.25 * (BEST[3] - unit.best) ** 2 + 0.75 * (BEST[5] - unit.best) ** 2
    assert unit.error == pytest.approx(np.sqrt(squared))


def test_the_scale_of_a_new_task_is_a_weighted_geometric_mean():
    units = fit_units(np.empty((3, 0)), np.ones(3), np.array([1.0, 4.0, 100.0]))
    assert units.of(np.empty(0), np.array([0.25, 0.75, 0.0])).scale == pytest.approx(4.0**0.75)


def test_tasks_in_another_unit_say_nothing_of_this_one(units):
    nothing = np.full(2, np.nan)
    mixed = fit_units(np.vstack([ROWS, np.zeros((2, 3))]), np.append(BEST, nothing), np.append(SCALES, nothing))
    first, last = np.eye(14)[[0, 13]]
    assert mixed.of(ROWS[3], first) == units.of(ROWS[3], first[:12])
    assert mixed.of(ROWS[3], last).scale == pytest.approx(np.exp(np.log(SCALES).mean()))


def test_a_meta_feature_that_is_not_known_is_taken_to_be_typical(units):
    lacking, typical = np.array([np.nan, *ROWS[0, 1:]]), np.array([0.0, *ROWS[0, 1:]])
    assert units.of(lacking, LEVEL) == units.of(typical, LEVEL)
