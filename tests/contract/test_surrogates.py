"""The suite that every performance and cost surrogate must pass, fitted, and again after a trip to the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foretune.benchmark.replay import RecordedTask
from foretune.errors import SurrogateError
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.types import Configuration, LearningCurve, Prediction, Task


@pytest.fixture(scope="session")
def stored(surrogates: Surrogates, tmp_path_factory: pytest.TempPathFactory) -> Surrogates:
    folder = tmp_path_factory.mktemp("surrogates")
    save_surrogates(folder, surrogates)
    return load_surrogates(folder)


@pytest.fixture(params=["fitted", "stored"])
def pair(request: pytest.FixtureRequest, surrogates: Surrogates, stored: Surrogates) -> Surrogates:
    return surrogates if request.param == "fitted" else stored


def prefixes(recorded: RecordedTask, seen: int) -> dict[str, LearningCurve]:
    curves = {key: recording.curve for key, recording in recorded.recordings.items()}
    return {key: LearningCurve(curve.scores[:seen], curve.seconds[:seen]) for key, curve in curves.items()}


def predict(pair: Surrogates, recorded: RecordedTask, seen: int) -> Prediction:
    return pair.performance.on(recorded.task, recorded.candidates)(prefixes(recorded, seen))


@pytest.mark.parametrize("seen", [0, 1, 3, 7, 8])
def test_one_finite_distribution_for_each_slice_of_each_candidate(pair, recorded, seen):
    prediction = predict(pair, recorded, seen)
    assert prediction.mean.shape == prediction.std.shape == (len(recorded.candidates), 8)


@pytest.mark.parametrize("seen", [1, 5, 8])
def test_what_was_seen_is_answered_as_it_was(pair, recorded, seen):
    prediction = predict(pair, recorded, seen)
    for place, curve in enumerate(prefixes(recorded, seen).values()):
        np.testing.assert_array_equal(prediction.mean[place, : len(curve)], curve.scores)
        assert (prediction.std[place, : len(curve)] < 1e-6).all()


def test_predictions_are_in_the_unit_of_the_score(pair, recorded):
    """Scores of a loss are negative, and no run is predicted to be better than perfect by more than its uncertainty."""
    prediction = predict(pair, recorded, 0)
    assert (prediction.mean < 2 * prediction.std).all()
    truth = [recording.curve.scores.max() for recording in recorded.recordings.values() if len(recording.curve)]
    assert abs(prediction.mean[:, -1].mean() - np.mean(truth)) < abs(recorded.zero_shot)


def test_answers_depend_on_what_was_observed_and_not_on_what_was_asked_before(pair, recorded):
    asked_before = pair.performance.on(recorded.task, recorded.candidates)
    for seen in (0, 3, 8):
        asked_before(prefixes(recorded, seen))
    np.testing.assert_array_equal(asked_before(prefixes(recorded, 2)).mean, predict(pair, recorded, 2).mean)


def test_seeing_more_makes_surer(pair, recorded):
    assert predict(pair, recorded, 7).std[:, 7].mean() < predict(pair, recorded, 0).std[:, 7].mean()


def test_what_is_seen_of_strangers_makes_no_difference(pair, recorded):
    stranger = Configuration({"method": "lora"}).key
    asked = pair.performance.on(recorded.task, recorded.candidates)
    np.testing.assert_array_equal(asked({stranger: LearningCurve([-1.0], [1.0])}).mean, asked({}).mean)


def test_a_task_with_other_slices_is_refused(pair, recorded):
    other = replace(recorded, task=Task("t", recorded.task.metric, recorded.task.meta_features, max_fidelity=5))
    with pytest.raises(SurrogateError, match="5 slices a run"):
        predict(pair, other, 0)


def test_a_task_without_the_meta_features_is_refused(pair, recorded):
    features = {name: value for name, value in recorded.task.meta_features.items() if name != "completion_overlap"}
    other = replace(recorded, task=Task("bare", recorded.task.metric, features, 8))
    with pytest.raises(SurrogateError, match="'bare' lacks the meta-features completion_overlap"):
        predict(pair, other, 0)


def test_a_configuration_of_another_space_is_refused(pair, recorded):
    alien = Configuration({"method": "prefix_tuning", "learning_rate": 0.1, "batch_size": 8, "epochs": 3})
    with pytest.raises(SurrogateError, match="search space"):
        pair.performance.on(recorded.task, [alien])({})
    with pytest.raises(SurrogateError, match="search space"):
        pair.cost.predict(recorded.task, [alien], np.array([8]))


def test_seconds_are_positive_and_right_within_a_factor_of_two(pair, recorded):
    recordings = [recording for recording in recorded.recordings.values() if len(recording.curve)]
    predicted = pair.cost.predict(
        recorded.task, [recording.configuration for recording in recordings], np.ones(len(recordings), dtype=int)
    )
    measured = np.array([recording.curve.seconds.mean() for recording in recordings])
    assert (predicted > 0).all()
    assert (np.abs(np.log(predicted / measured)) < np.log(2)).all()


def test_stored_surrogates_predict_the_same(surrogates, stored, recorded):
    before, after = predict(surrogates, recorded, 2), predict(stored, recorded, 2)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    assert stored.card == surrogates.card
