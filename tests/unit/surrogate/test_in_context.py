"""Hypotheses, their probabilities and what follows of them, against the formulas written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_tasks import new_task, pool_of, surrogate_of

from foretune.surrogate import in_context
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.protocol import Outcomes
from foretune.surrogate.scenarios import LEAST_VALUE
from foretune.surrogate.units import TYPICAL
from foretune.types import VALIDATION_NLL, LearningCurve, Task

M, N, T = 3, 4, 3
POOL = pool_of(N)
VALUES = np.random.default_rng(0).uniform(-1.5, 0.0, size=(M, N, T))
BEST, SCALES = (2.0, 3.0, 7.0), (0.5, 1.0, 4.0)
SCALE = np.exp(np.log(SCALES).mean())
REFERENCE = [0.4, 0.7, 0.6]


@pytest.fixture
def surrogate() -> InContextSurrogate:
    return surrogate_of(VALUES, best=BEST, scales=SCALES)


def curve(scores: list[float]) -> LearningCurve:
    return LearningCurve(scores, np.ones(len(scores)))


def outcomes(surrogate: InContextSurrogate, seen: dict[int, list[float]]) -> Outcomes:
    return surrogate.on(new_task(T), POOL).outcomes({POOL[place].key: curve(scores) for place, scores in seen.items()})


def after_reference(anchor: int = 0, best: float = 0.7) -> np.ndarray:
    """(M, N, T) gains in which the anchor's best is `best` on every earlier task."""
    return best + SCALE * (VALUES - VALUES[:, [anchor]].max(axis=2, keepdims=True))


def test_before_anything_is_seen_values_are_put_below_the_mean_best_of_earlier_tasks(surrogate):
    found = outcomes(surrogate, {})
    np.testing.assert_allclose(found.weights, 1 / 3)
    np.testing.assert_allclose(found.gains, 4.0 + SCALE * VALUES)
    assert found.own == pytest.approx(SCALE * in_context._OWN)
    assert found.level == pytest.approx(np.std(BEST))


def test_after_the_reference_gains_are_relative_to_it(surrogate):
    found = outcomes(surrogate, {0: REFERENCE})
    np.testing.assert_allclose(found.weights, 1 / 3)
    np.testing.assert_allclose(found.gains[:, 1:], after_reference()[:, 1:])
    np.testing.assert_array_equal(found.gains[:, 0], [REFERENCE] * M)
    assert found.level == 0.0


@pytest.mark.parametrize("count", [1, 2, T])
def test_other_runs_change_the_probabilities_by_the_likelihood_of_their_slices(surrogate, count):
    seen = [0.5, 0.6, 0.2][:count]
    apart = (after_reference()[:, 2, :count] - seen) / SCALE
    likelihood = np.exp(-np.mean(apart**2, axis=1) / (2 * in_context._EVIDENCE**2))
    found = outcomes(surrogate, {0: REFERENCE, 2: seen})
    np.testing.assert_allclose(found.weights, likelihood / likelihood.sum())


def test_likelihoods_of_several_runs_multiply_whatever_their_order(surrogate):
    first, second = (outcomes(surrogate, {0: REFERENCE, **one}).weights for one in ({1: [0.5]}, {3: [0.3, 0.4]}))
    both = outcomes(surrogate, {0: REFERENCE, 1: [0.5], 3: [0.3, 0.4]})
    np.testing.assert_allclose(both.weights, first * second / (first * second).sum())
    again = outcomes(surrogate, {3: [0.3, 0.4], 1: [0.5], 0: REFERENCE})
    np.testing.assert_allclose(again.weights, both.weights)


def test_a_like_task_weighs_more_before_and_after():
    surrogate = surrogate_of(VALUES, labels=[("new", "model"), ("new", "another"), ("other", "another")])
    prior = outcomes(surrogate, {0: REFERENCE}).weights
    assert prior[0] > prior[1] > prior[2]
    level = outcomes(surrogate_of(VALUES), {0: REFERENCE, 2: [0.5]}).weights
    found = outcomes(surrogate, {0: REFERENCE, 2: [0.5]}).weights
    np.testing.assert_allclose(found, prior * level / (prior * level).sum())


def test_a_run_that_went_as_on_one_task_alone_leaves_hardly_another_hypothesis():
    values = np.zeros((M, N, T))
    values[1, 2] = -1.5
    found = outcomes(surrogate_of(values), {0: [1.0] * T, 2: [-0.5] * T})
    assert found.weights[1] > 0.95


def test_how_far_a_run_lies_below_the_least_value_makes_no_difference(surrogate):
    bad, worse = (outcomes(surrogate, {0: REFERENCE, 2: [0.7 + depth * SCALE]}).weights for depth in (LEAST_VALUE, -50))
    np.testing.assert_allclose(bad, worse)


def test_a_run_goes_on_from_where_it_stands_as_it_did_on_each_task(surrogate):
    found = outcomes(surrogate, {0: REFERENCE, 2: [0.1, 5.0]})
    np.testing.assert_array_equal(found.gains[:, 2, :2], [[0.1, 5.0]] * M)
    np.testing.assert_allclose(found.gains[:, 2, 2], 5.0 + SCALE * (VALUES[:, 2, 2] - VALUES[:, 2, 1]))
    np.testing.assert_allclose(found.gains[:, 3], after_reference()[:, 3])


def test_a_begun_run_says_nothing_of_the_task_before_a_run_is_complete(surrogate):
    found = outcomes(surrogate, {0: [0.4, 0.7], 2: [-3.0]})
    np.testing.assert_allclose(found.weights, 1 / 3)
    np.testing.assert_allclose(found.gains[:, 1], 4.0 + SCALE * VALUES[:, 1])
    np.testing.assert_allclose(found.gains[:, 0, 2], 0.7 + SCALE * (VALUES[:, 0, 2] - VALUES[:, 0, 1]))


def test_the_first_complete_run_takes_the_place_of_a_reference_that_is_not(surrogate):
    found = outcomes(surrogate, {3: REFERENCE, 1: [9.0] * T, 0: [0.5]})
    np.testing.assert_allclose(found.gains[:, 2], after_reference(anchor=3)[:, 2])


def test_the_reference_is_what_others_are_compared_with_as_soon_as_it_is_complete(surrogate):
    found = outcomes(surrogate, {3: [9.0] * T, 0: REFERENCE})
    np.testing.assert_allclose(found.gains[:, 2], after_reference()[:, 2])


@pytest.mark.parametrize("seen", [{}, {1: [0.1]}, {0: REFERENCE}, {0: REFERENCE, 1: [1e6], 2: [-1e6, -1e6]}])
def test_probabilities_sum_to_one_whatever_is_seen(surrogate, seen):
    found = outcomes(surrogate, seen)
    assert found.weights.sum() == pytest.approx(1.0)
    assert (found.weights >= 0).all()
    np.testing.assert_allclose(found.mean, sum(p * g for p, g in zip(found.weights, found.gains, strict=True)))


def test_predictions_are_the_mean_and_the_deviation_over_hypotheses(surrogate):
    seen = {POOL[0].key: curve(REFERENCE), POOL[2].key: curve([0.5])}
    predictor = surrogate.on(new_task(T), POOL)
    found, prediction = predictor.outcomes(seen), predictor(seen)
    np.testing.assert_allclose(prediction.mean, found.mean)
    second = sum(p * (g**2 + found.own**2) for p, g in zip(found.weights, found.gains, strict=True))
    unseen = np.ones((N, T), dtype=bool)
    unseen[0], unseen[2, 0] = False, False
    np.testing.assert_allclose(prediction.std[unseen] ** 2, (second - found.mean**2)[unseen])
    assert (prediction.std[~unseen] < 1e-6).all()


def test_before_a_run_is_complete_predictions_are_less_certain_by_the_level(surrogate):
    predictor = surrogate.on(new_task(T), POOL)
    found, prediction = predictor.outcomes({}), predictor({})
    within = np.mean((found.gains - found.mean) ** 2, axis=0) + found.own**2
    np.testing.assert_allclose(prediction.std**2, within + np.var(BEST))


def test_losses_come_back_from_gains():
    """A gain of g is a loss of exp(-g) times the untrained model's, and is off by as much in relative terms."""
    surrogate = replace(surrogate_of(VALUES[:1], best=[1.5]), feature_names=("zero_shot_nll",))
    scaling = replace(surrogate.similarity.feature_scaling, center=np.array([4.0]), spread=np.array([np.inf]))
    similarity = replace(surrogate.similarity, feature_scaling=scaling, features=np.zeros((1, 1)))
    regression = replace(
        surrogate.units.regression, center=np.zeros(1), spread=np.ones(1), weights=np.array([[0.0], [1.5]])
    )
    surrogate = replace(surrogate, similarity=similarity, units=replace(surrogate.units, regression=regression))
    task = Task("new:model", VALIDATION_NLL, {"zero_shot_nll": 4.0}, max_fidelity=T)
    prediction = surrogate.on(task, POOL)({})
    gains = 1.5 + VALUES[0]
    assert (gains > 0).any()
    good = gains > 0
    np.testing.assert_allclose(prediction.mean[good], -4.0 * np.exp(-gains[good]))
    np.testing.assert_allclose(prediction.std[good], 4.0 * np.exp(-gains[good]) * in_context._OWN)


def test_where_earlier_gains_are_scores_a_loss_relative_to_a_known_start_is_put_in_the_typical_unit(surrogate):
    task = Task("new:model", VALIDATION_NLL, {"zero_shot_nll": 4.0}, max_fidelity=T)
    found = surrogate.on(task, POOL).outcomes({})
    np.testing.assert_allclose(found.gains, TYPICAL.best + TYPICAL.scale * VALUES)
