from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import bare_table, synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, point_at, recorded_task, simulate
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.random import random_search
from foretune.optimizer.standing import slice_seconds, standing_of
from foretune.surrogate.cost import EvenCost
from foretune.surrogate.fit import fit
from foretune.surrogate.protocol import Cases, Surrogates
from foretune.types import Configuration, LearningCurve, Metric, Prediction, Report, Status, Task, Trial

HELD_OUT = ("task-3", "task-7")


@pytest.fixture(params=HELD_OUT)
def recorded(request: pytest.FixtureRequest) -> RecordedTask:
    return recorded_task(synthetic_table(), request.param)


def search(recorded: RecordedTask, **arguments: float) -> TransferInContext:
    return TransferInContext(
        recorded.task, recorded.candidates, surrogates=synthetic_surrogates("in-context"), **arguments
    )


def test_after_two_runs_it_is_ahead_of_random_search_on_unseen_families(recorded):
    budget = 2 * recorded.mean_run_seconds
    found = point_at(simulate(search(recorded), recorded, budget), budget).score
    at_random = [
        simulate(
            random_search(recorded.task, recorded.candidates, first=recorded.candidates[0], seed=seed), recorded, budget
        )[-1].score
        for seed in range(10)
    ]
    assert found > np.mean(at_random)


def test_the_first_candidate_is_trained_to_the_end_before_others(recorded):
    optimizer = search(recorded)
    trial = optimizer.ask()
    assert trial is not None
    assert (trial.configuration, trial.fidelity) == (recorded.candidates[0], 8)


def test_where_time_is_short_the_best_prediction_takes_the_place_of_the_first_candidate(recorded):
    """The default and half of the favorite's run need as much as there is, or a little more."""
    surrogates = synthetic_surrogates("in-context")
    predicted = surrogates.performance.on(recorded.task, recorded.candidates)({}).mean.max(axis=1)
    favorite = recorded.candidates[int(np.argmax(predicted))]
    default, wanted = slice_seconds(recorded.task, [recorded.candidates[0], favorite], surrogates.cost).sum(axis=1)
    needed = default + 0.5 * wanted
    for seconds, room, first in (
        (1.01 * needed, 0.5, recorded.candidates[0]),
        (0.99 * needed, 0.5, favorite),
        (0.99 * needed, 0.0, recorded.candidates[0]),
    ):
        optimizer = search(recorded, room=room)
        trial = optimizer.ask(seconds_left=seconds)
        assert trial is not None
        assert trial.configuration == first
        optimizer.tell(recorded.evaluate(trial))
        following = optimizer.ask(seconds_left=100 * needed)
        assert following is not None
        assert following.configuration != recorded.candidates[0]


@pytest.mark.parametrize(
    ("earlier", "is_first"),
    [("mine@100:a-model", False), ("mine@100:another-model", False), ("other@100:a-model", False),
     ("mine@50:another-model", True), ("other@100:another-model", True)],
)  # fmt: skip
def test_however_short_the_time_is_the_first_candidate_comes_first_on_an_unfamiliar_task(recorded, earlier, is_first):
    """Of which neither the base model nor the dataset, at this size, was seen."""
    task = replace(recorded.task, id="mine@100:a-model")
    known = synthetic_surrogates("in-context")
    surrogates = replace(known, card={**known.card, "tasks": [earlier]})
    default = slice_seconds(task, recorded.candidates[:1], surrogates.cost).sum()
    trial = TransferInContext(task, recorded.candidates, surrogates=surrogates).ask(seconds_left=default)
    assert trial is not None
    assert (trial.configuration == recorded.candidates[0]) is is_first


def test_a_run_is_gone_on_with_until_it_is_hopeless(recorded):
    """With endless patience every run is trained to its end before the next begins; with none each is left as soon as
    it has had its least slices."""
    for patience, leaves in ((1e6, False), (-1e6, True)):
        optimizer, last, left = search(recorded, patience=patience, least_slices=2), None, False
        for _ in range(30):
            trial = optimizer.ask()
            assert trial is not None
            report = recorded.evaluate(trial)
            if last and trial.configuration != last.trial.configuration:
                left |= last.status is Status.OK and len(last.curve) < 8
                assert len(last.curve) >= 2 or last.status is not Status.OK
            optimizer.tell(report)
            last = report
        assert left is leaves


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_with_a_price_on_seconds_it_still_improves_on_the_untrained_model(recorded, power):
    points = simulate(search(recorded, cost_power=power), recorded, 3 * recorded.mean_run_seconds)
    assert points[-1].score > recorded.zero_shot


def test_nothing_is_begun_that_cannot_be_paid_for(recorded):
    assert search(recorded).ask(seconds_left=1e-6) is None
    assert search(recorded).ask(seconds_left=0.0) is None


def test_tasks_of_which_nothing_is_known_are_searched_too():
    """By what was seen of earlier tasks and of this one; slices are priced by those that were measured."""
    surrogates = fit([bare_table()], seed=0, exclude_families=["delta"], kind="in-context")
    for name in HELD_OUT:
        recorded = recorded_task(bare_table(), name)
        pool = recorded.candidates
        budget = 2 * recorded.mean_run_seconds
        found = point_at(
            simulate(TransferInContext(recorded.task, pool, surrogates=surrogates), recorded, budget), budget
        )
        at_random = [
            simulate(random_search(recorded.task, pool, first=pool[0], seed=seed), recorded, budget)[-1].score
            for seed in range(10)
        ]
        assert found.score > np.mean(at_random)


def test_the_incumbent_of_what_is_maximized_is_no_loss(recorded):
    """The zero-shot loss among the meta-features is then no score, and no accuracy would ever beat it."""
    task = replace(recorded.task, metric=Metric("accuracy", maximize=True))
    optimizer = TransferInContext(task, recorded.candidates, surrogates=synthetic_surrogates("in-context"))
    report = Report(Trial(0, recorded.candidates[0], 2), Status.OK, LearningCurve([0.6, 0.7], [1.0, 1.0]))
    optimizer.tell(report)
    standing = standing_of((report,))
    predicted, incumbent = optimizer._on_axis(optimizer._predictor(standing.curves), standing)
    assert incumbent == 0.7
    np.testing.assert_array_equal(predicted.mean[0, :2], [0.6, 0.7])


class OneInTen:
    """Of two configurations, after the first one: the second is a bit better, the third is worse nine times in ten and
    else far better than all."""

    recorded: tuple[Configuration, ...] = ()
    typical_features: Mapping[str, float] = {}

    def on(self, task, candidates):
        return self

    def __call__(self, observed):
        return Prediction(np.array([[0.0], [0.05], [-2.6]]), np.array([[0.01], [0.01], [1.0]]))

    def cases(self, observed):
        mean = np.full((2, 3, 1), [[0.0], [0.05], [-3.0]])
        mean[1, 2] = 1.0
        return Cases(np.array([0.9, 0.1]), Prediction(mean, np.full(mean.shape, 0.01)))


@pytest.mark.parametrize(("cases", "chosen"), [(True, 2), (False, 1)])
def test_a_small_chance_of_something_far_better_is_worth_a_run(cases, chosen):
    pool = [Configuration({"rank": rank}) for rank in (1, 2, 3)]
    task = Task("task", Metric("accuracy", maximize=True), {}, max_fidelity=1)
    surrogates = Surrogates(OneInTen(), EvenCost())
    optimizer = TransferInContext(task, pool, surrogates=surrogates, room=0.0, cases=cases)
    first = optimizer.ask()
    assert first is not None
    optimizer.tell(Report(first, Status.OK, LearningCurve([0.0], [1.0])))
    trial = optimizer.ask()
    assert trial is not None
    assert trial.configuration == pool[chosen]


def test_the_cases_say_on_average_what_the_predictions_say(recorded):
    """In gains, where both are linear, before anything is seen."""
    surrogates = synthetic_surrogates("in-context")
    stage = surrogates.performance.on(recorded.task, recorded.candidates)._before
    weights, mean, _ = stage.cases({})
    expected, _ = stage.given({})
    np.testing.assert_allclose(np.tensordot(weights, mean, 1), expected, atol=0.02 * np.ptp(expected))


def after_the_first_run(recorded: RecordedTask) -> TransferInContext:
    optimizer = search(recorded)
    trial = optimizer.ask()
    assert trial is not None
    optimizer.tell(recorded.evaluate(trial))
    return optimizer


def test_a_trial_under_way_that_is_believed_in_leaves_less_to_hope_for(recorded):
    """Told that a complete run of its favorite is under way, it asks for what would be best if that came as predicted:
    the same as it would ask for after being told so."""
    optimizer, informed = after_the_first_run(recorded), after_the_first_run(recorded)
    favorite = optimizer.ask()
    assert favorite is not None
    whole = replace(favorite, fidelity=8)
    predicted = synthetic_surrogates("in-context").performance.on(recorded.task, recorded.candidates)(
        {recorded.candidates[0].key: recorded.recordings[recorded.candidates[0].key].curve}
    )
    place = recorded.candidates.index(favorite.configuration)
    believed = LearningCurve(predicted.mean[place], np.ones(8))
    informed.tell(Report(whole, Status.OK, believed, seconds=1.0))
    following, expected = optimizer.ask(pending=[whole]), informed.ask()
    assert following is not None
    assert expected is not None
    assert following == expected
    assert following.configuration != favorite.configuration


def test_while_the_first_run_is_under_way_others_are_begun(recorded):
    optimizer = search(recorded)
    first = optimizer.ask()
    assert first is not None
    second = optimizer.ask(pending=[first])
    assert second is not None
    assert (second.id, second.resumes_from) == (1, 0)
    assert second.configuration != first.configuration


def test_without_exploring_it_goes_by_the_expected_score(recorded):
    optimizer = search(recorded, explore=0.0)
    trial = optimizer.ask()
    assert trial is not None
    optimizer.tell(recorded.evaluate(trial))
    assert optimizer.ask(seconds_left=recorded.mean_run_seconds) is not None
