from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.surrogate.cost import EvenCost
from foretune.surrogate.rank_trees import RankTreesSurrogate
from foretune.types import Configuration, LearningCurve


@pytest.fixture(scope="module")
def recorded() -> RecordedTask:
    return recorded_task(synthetic_table(), "task-3")


@pytest.fixture(scope="module")
def surrogate() -> RankTreesSurrogate:
    found = synthetic_surrogates("rank-trees").performance
    assert isinstance(found, RankTreesSurrogate)
    return found


def reference_of(surrogate: RankTreesSurrogate, recorded: RecordedTask) -> Configuration:
    return next(one for one in recorded.candidates if surrogate.is_reference(recorded.task, one))


def complete_others(surrogate: RankTreesSurrogate, recorded: RecordedTask) -> list[Configuration]:
    return [one for one in recorded.candidates if len(recorded.recordings[one.key].curve) == 8
            and not surrogate.is_reference(recorded.task, one)]  # fmt: skip


def test_the_reference_run_tells_of_all_candidates_and_no_other_run_does(surrogate, recorded):
    asked = surrogate.on(recorded.task, recorded.candidates)
    reference, other = reference_of(surrogate, recorded), complete_others(surrogate, recorded)[0]
    fresh = [place for place, one in enumerate(recorded.candidates) if one not in (reference, other)]
    nothing = asked({}).mean[fresh]
    curves = {one.key: recorded.recordings[one.key].curve for one in (reference, other)}
    np.testing.assert_array_equal(asked({other.key: curves[other.key]}).mean[fresh], nothing)
    assert (asked({reference.key: curves[reference.key]}).mean[fresh] != nothing).all()


def test_a_reference_run_that_is_not_complete_is_a_run_like_others(surrogate, recorded):
    asked = surrogate.on(recorded.task, recorded.candidates)
    reference = reference_of(surrogate, recorded)
    curve = recorded.recordings[reference.key].curve
    part = {reference.key: LearningCurve(curve.scores[:7], curve.seconds[:7])}
    others = [place for place, one in enumerate(recorded.candidates) if one != reference]
    np.testing.assert_array_equal(asked(part).mean[others], asked({}).mean[others])


def test_the_level_comes_from_the_reference_run_once_it_is_known(surrogate, recorded):
    """The errors of predicted peaks are then much smaller than before."""
    asked = surrogate.on(recorded.task, recorded.candidates)
    reference, others = reference_of(surrogate, recorded), complete_others(surrogate, recorded)
    places = [recorded.candidates.index(one) for one in others]
    truth = np.array([recorded.recordings[one.key].curve.scores.max() for one in others])
    told = asked({reference.key: recorded.recordings[reference.key].curve})
    error = np.abs(told.mean[places].max(axis=1) - truth)
    assert np.median(error) < 0.2 * abs(recorded.zero_shot)


def test_a_run_that_is_nearly_done_goes_on_from_where_it_is(surrogate, recorded):
    asked = surrogate.on(recorded.task, recorded.candidates)
    reference, others = reference_of(surrogate, recorded), complete_others(surrogate, recorded)
    curves = {one.key: recorded.recordings[one.key].curve for one in others}
    seen = {key: LearningCurve(curve.scores[:7], curve.seconds[:7]) for key, curve in curves.items()}
    predicted = asked({**seen, reference.key: recorded.recordings[reference.key].curve})
    places = [recorded.candidates.index(one) for one in others]
    jumps = np.abs(predicted.mean[places, 7] - np.array([curves[one.key].scores[6] for one in others]))
    assert np.median(jumps) < 0.05 * abs(recorded.zero_shot)


def test_it_knows_all_configurations_alike_and_what_tasks_are_typically_like(surrogate):
    assert surrogate.recorded == ()
    assert set(surrogate.typical_features) == set(surrogate.feature_names)
    assert surrogate.typical_features["zero_shot_nll"] > 0


def test_it_comes_back_from_the_disk(surrogate, tmp_path):
    save_surrogates(tmp_path, Surrogates(surrogate, EvenCost()))
    stored = load_surrogates(tmp_path).performance
    assert isinstance(stored, RankTreesSurrogate)
    assert (stored.encoder, stored.feature_names, stored.reference, stored.before.depth) == (
        surrogate.encoder, surrogate.feature_names, surrogate.reference, surrogate.before.depth
    )  # fmt: skip
    np.testing.assert_array_equal(stored.after.right, surrogate.after.right)
    np.testing.assert_array_equal(stored.missed, surrogate.missed)


def test_a_task_of_which_little_is_hoped_is_ranked_all_the_same(surrogate, recorded):
    """A predicted best gain below -1 would make all scores the least there is."""
    unit = replace(surrogate.unit, best_weights=np.append(np.zeros(len(surrogate.feature_names)), -3.0))
    gloomy = replace(surrogate, unit=unit).on(recorded.task, recorded.candidates)({}).mean.max(axis=1)
    hopeful = surrogate.on(recorded.task, recorded.candidates)({}).mean.max(axis=1)
    np.testing.assert_array_equal(np.argsort(gloomy, kind="stable"), np.argsort(hopeful, kind="stable"))
