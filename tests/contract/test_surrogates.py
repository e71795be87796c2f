"""The suite that every performance and cost surrogate must pass, fitted, and again after a trip to the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foretune.benchmark.replay import RecordedTask
from foretune.errors import SurrogateError
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.types import Configuration, LearningCurve, Task


@pytest.fixture(scope="session")
def stored(surrogates: Surrogates, tmp_path_factory: pytest.TempPathFactory) -> Surrogates:
    folder = tmp_path_factory.mktemp("surrogates")
    save_surrogates(folder, surrogates)
    return load_surrogates(folder)


@pytest.fixture(params=["fitted", "stored"])
def pair(request: pytest.FixtureRequest, surrogates: Surrogates, stored: Surrogates) -> Surrogates:
    return surrogates if request.param == "fitted" else stored


def prefixes(recorded: RecordedTask, seen: int) -> list[LearningCurve]:
    curves = [recording.curve for recording in recorded.recordings.values()]
    return [LearningCurve(curve.scores[:seen], curve.seconds[:seen]) for curve in curves]


def predict(pair: Surrogates, recorded: RecordedTask, seen: int, fidelity: int):
    curves = prefixes(recorded, seen)
    usable = [index for index, curve in enumerate(curves) if len(curve) == seen]
    candidates = [recorded.candidates[index] for index in usable]
    fidelities = np.full(len(usable), fidelity)
    return pair.performance.predict(recorded.task, candidates, [curves[index] for index in usable], fidelities)


@pytest.mark.parametrize(("seen", "fidelity"), [(0, 1), (0, 8), (3, 4), (7, 8)])
def test_one_finite_distribution_for_each_candidate(pair, recorded, seen, fidelity):
    prediction = predict(pair, recorded, seen, fidelity)
    expected = sum(len(curve) == seen for curve in prefixes(recorded, seen))
    assert prediction.mean.shape == prediction.std.shape == (expected,)


def test_predictions_are_in_the_unit_of_the_score(pair, recorded):
    """Scores of a loss are negative, and no run is predicted to be better than perfect by more than its uncertainty."""
    prediction = predict(pair, recorded, 0, 8)
    assert (prediction.mean < 2 * prediction.std).all()
    truth = [recording.curve.scores.max() for recording in recorded.recordings.values() if len(recording.curve)]
    assert abs(prediction.mean.mean() - np.mean(truth)) < abs(recorded.zero_shot)


def test_a_candidate_is_judged_alone(pair, recorded):
    """What else is asked for in the same call makes no difference."""
    together = predict(pair, recorded, 0, 8).mean
    empty = LearningCurve()
    alone = [
        pair.performance.predict(recorded.task, [candidate], [empty], np.array([8])).mean[0]
        for candidate in recorded.candidates
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_seeing_more_makes_surer(pair, recorded):
    assert predict(pair, recorded, 7, 8).std.mean() < predict(pair, recorded, 0, 8).std.mean()


@pytest.mark.parametrize(("seen", "fidelity"), [(0, 0), (2, 2), (3, 9)])
def test_fidelities_that_make_no_sense_are_refused(pair, recorded, seen, fidelity):
    with pytest.raises(SurrogateError, match="beyond what was trained"):
        predict(pair, recorded, seen, fidelity)


def test_a_task_with_other_slices_is_refused(pair, recorded):
    other = replace(recorded, task=Task("t", recorded.task.metric, recorded.task.meta_features, max_fidelity=5))
    with pytest.raises(SurrogateError, match="5 slices a run"):
        predict(pair, other, 0, 3)


def test_a_task_without_the_meta_features_is_refused(pair, recorded):
    features = {name: value for name, value in recorded.task.meta_features.items() if name != "completion_overlap"}
    other = replace(recorded, task=Task("bare", recorded.task.metric, features, 8))
    with pytest.raises(SurrogateError, match="'bare' lacks the meta-features completion_overlap"):
        predict(pair, other, 0, 8)


def test_a_configuration_of_another_space_is_refused(pair, recorded):
    alien = Configuration({"method": "prefix_tuning", "learning_rate": 0.1, "batch_size": 8, "epochs": 3})
    with pytest.raises(SurrogateError, match="search space"):
        pair.performance.predict(recorded.task, [alien], [LearningCurve()], np.array([8]))
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
    before, after = predict(surrogates, recorded, 2, 8), predict(stored, recorded, 2, 8)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    assert stored.card == surrogates.card
