from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.paper.examples import make_examples
from foretune.paper.performance import DeepKernelSurrogate, Member
from foretune.paper.posterior import condition, matern
from foretune.paper.refit import (
    Refit,
    RefittedSurrogate,
    given,
    gradients,
    new_examples,
    parameters,
    refit,
    with_parameters,
)
from foretune.surrogate.examples import read_runs
from foretune.types import Configuration, LearningCurve

HELD_OUT = "task-3"
NUMBERS = {"constant": 0.3, "outputscale": 1.7, "noise": 0.05}
REPAIRED, PRIOR_ONLY = Refit(), Refit(keep=False)


@pytest.fixture(scope="module")
def recorded() -> RecordedTask:
    return recorded_task(synthetic_table(), HELD_OUT)


@pytest.fixture(scope="module")
def fitted() -> DeepKernelSurrogate:
    performance = synthetic_surrogates().performance
    assert isinstance(performance, DeepKernelSurrogate)
    return performance


def curves_of(recorded: RecordedTask, count: int, slices: int = 8) -> dict[Configuration, LearningCurve]:
    """Of the first runs that got to their end."""
    whole = [one for one in recorded.recordings.values() if len(one.curve) == 8]
    return {
        one.configuration: LearningCurve(one.curve.scores[:slices], one.curve.seconds[:slices]) for one in whole[:count]
    }


def by_key(curves: dict[Configuration, LearningCurve]) -> dict[str, LearningCurve]:
    return {one.key: curve for one, curve in curves.items()}


def refitted(fitted, recorded, curves, recipe=REPAIRED, seed=0) -> DeepKernelSurrogate:
    return refit(fitted, recorded.task, curves, recipe, np.random.default_rng(seed))


def test_more_data_later_is_the_same_as_all_data_at_once():
    rng = np.random.default_rng(0)
    features, asked = rng.normal(size=(60, 3)), rng.normal(size=(20, 3))
    targets = np.sin(features[:, 0]) + 0.2 * rng.standard_normal(60)
    at_once = condition(features, targets, features, **NUMBERS)
    later = given(condition(features[:40], targets[:40], features[:40], **NUMBERS), features[40:], targets[40:])
    for left, right in zip(at_once.predict(asked), later.predict(asked), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-4)


def log_likelihood(member: Member, rows: np.ndarray, targets: np.ndarray) -> float:
    posterior, features = member.posterior, member.network(rows)
    cross = matern(features, posterior.inducing, posterior.outputscale) @ posterior.explained.astype(np.float64)
    covariance = matern(features, features, posterior.outputscale) - cross @ cross.T
    mean = posterior.constant + matern(features, posterior.inducing, posterior.outputscale) @ posterior.mean_weights
    return float(multivariate_normal(mean, covariance + posterior.noise * np.eye(len(rows))).logpdf(targets))


@pytest.mark.parametrize("recipe", [Refit(steps=0), Refit(steps=0, keep=False)])
def test_gradients_are_those_of_the_marginal_likelihood(fitted, recorded, recipe):
    member = refitted(fitted, recorded, {}, recipe).members[0]
    rows, targets = (values[:12] for values in new_examples(fitted, recorded.task, curves_of(recorded, 3), 8))
    found, values, step = gradients(member, rows, targets), parameters(member), 1e-5
    moved = len(values) - (1 if recipe.keep else 0)
    for place in range(moved):
        way = np.random.default_rng(place).normal(size=values[place].shape)
        ends = [
            [value + sign * step * way if at == place else value for at, value in enumerate(values)] for sign in (1, -1)
        ]
        plus, minus = (log_likelihood(with_parameters(member, end), rows, targets) for end in ends)
        assert -(plus - minus) / (2 * step) == pytest.approx((found[place] * way).sum(), rel=1e-4, abs=1e-4)
    assert recipe.keep == (not found[-1].any())


def test_examples_of_the_new_task_are_made_like_those_that_were_trained_on(fitted, recorded):
    runs = [run for run in read_runs([synthetic_table()]) if run.task.id == HELD_OUT and len(run.curve) == 8]
    expected = make_examples(runs, fitted.inputs.encoder, fitted.inputs.feature_names)
    rows, targets = new_examples(fitted, recorded.task, curves_of(recorded, 99), 8)
    np.testing.assert_array_equal(rows, fitted.inputs.standardize(expected.rows))
    np.testing.assert_allclose(targets, fitted.targets.standardize(expected, fitted.inputs))
    assert len(new_examples(fitted, recorded.task, curves_of(recorded, 2, slices=5), 1)[1]) == 2 * 5


def test_without_an_observation_nothing_changes(fitted, recorded):
    assert refitted(fitted, recorded, {}) is fitted
    nothing = {configuration: LearningCurve() for configuration in recorded.candidates}
    assert refitted(fitted, recorded, nothing) is fitted
    expected = fitted.on(recorded.task, recorded.candidates)({})
    found = RefittedSurrogate(fitted, Refit()).on(recorded.task, recorded.candidates)({})
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.std, expected.std)


def test_before_an_observation_the_prior_tells_no_candidates_apart(fitted, recorded):
    found = RefittedSurrogate(fitted, PRIOR_ONLY).on(recorded.task, recorded.candidates)({})
    np.testing.assert_allclose(found.mean, np.tile(found.mean[:1], (len(recorded.candidates), 1)))
    assert (np.ptp(fitted.on(recorded.task, recorded.candidates)({}).mean, axis=0) > 0.01).all()


@pytest.mark.parametrize("keep", [True, False])
def test_what_was_observed_is_predicted_better(fitted, recorded, keep):
    """From nothing, as if it had not been seen: with every step nearer than by conditioning alone."""
    curves = curves_of(recorded, 4)
    truth = np.array([curve.scores for curve in curves.values()])
    unseen = [LearningCurve()] * len(curves)

    def error(surrogate: DeepKernelSurrogate) -> float:
        return float(np.abs(surrogate.predict(recorded.task, list(curves), unseen)[0] - truth).mean())

    recipe = Refit(keep=keep)
    assert error(refitted(fitted, recorded, curves, recipe)) < 0.7 * error(fitted)
    rows, targets = new_examples(fitted, recorded.task, curves, recipe.ahead)
    before, after = (
        [
            log_likelihood(replace(start, network=one.network), rows, targets)
            for start, one in zip(
                refitted(fitted, recorded, {}, recipe).members,
                refitted(fitted, recorded, curves, replace(recipe, steps=steps)).members,
                strict=True,
            )
        ]
        for steps in (0, 50)
    )
    assert np.greater(after, before).all()


@pytest.mark.parametrize("recipe", [Refit(), Refit(steps=0), PRIOR_ONLY])
def test_what_is_seen_of_one_configuration_moves_its_like(fitted, recorded, recipe):
    (seen, curve), *_ = curves_of(recorded, 1).items()
    like = Configuration({**seen.values, "learning_rate": float(seen.values["learning_rate"]) * 1.02})
    before = fitted.predict(recorded.task, [like], [LearningCurve()])[0]
    curve = LearningCurve(curve.scores - 1.0, curve.seconds)
    pool = [seen, like]
    alone = fitted.on(recorded.task, pool)({seen.key: curve}).mean[1]
    np.testing.assert_array_equal(alone, before[0])
    moved = RefittedSurrogate(fitted, recipe).on(recorded.task, pool)({seen.key: curve}).mean[1]
    assert np.abs(moved - curve.scores)[1:].mean() < np.abs(alone - curve.scores)[1:].mean()


def test_same_observations_and_seed_same_predictions_in_any_order(fitted, recorded):
    observed = by_key(curves_of(recorded, 4))
    backwards = dict(reversed(list(observed.items())))
    predictors = [RefittedSurrogate(fitted, Refit(), seed).on(recorded.task, recorded.candidates) for seed in (3, 3, 4)]
    one, again, other = (
        predictor(given_in).mean
        for predictor, given_in in zip(predictors, (observed, backwards, observed), strict=True)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(predictors[0](observed).mean, one)


def test_what_is_seen_of_strangers_makes_no_difference(fitted, recorded):
    stranger = {Configuration({"method": "lora"}).key: LearningCurve([-1.0], [1.0])}
    predictor = RefittedSurrogate(fitted, Refit()).on(recorded.task, recorded.candidates)
    np.testing.assert_array_equal(predictor(stranger).mean, predictor({}).mean)
