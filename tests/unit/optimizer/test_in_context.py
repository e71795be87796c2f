"""The default search: on recorded runs of families that it never saw, and on earlier tasks that are written down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from known_tasks import new_task, pool_of, surrogate_of
from synthetic_table import bare_table, synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import RecordedTask, point_at, recorded_task, simulate
from foretune.errors import SurrogateError
from foretune.optimizer import in_context
from foretune.optimizer.baselines import random_search
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.machine_correction import slice_seconds
from foretune.optimizer.state import state_of
from foretune.surrogate.cost import EvenCost
from foretune.surrogate.fit import fit
from foretune.surrogate.in_context import Origin
from foretune.surrogate.protocol import Surrogates
from foretune.types import Configuration, LearningCurve, Metric, Report, Status, Trial

HELD_OUT = ("task-3", "task-7")


@pytest.fixture(params=HELD_OUT)
def recorded(request: pytest.FixtureRequest) -> RecordedTask:
    return recorded_task(synthetic_table(), request.param)


def search(recorded: RecordedTask) -> TransferInContext:
    return TransferInContext(recorded.task, recorded.candidates, surrogates=synthetic_surrogates("in-context"))


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
    """The default and the least share of the favorite's run need as much as there is, or a little more."""
    surrogates = synthetic_surrogates("in-context")
    predicted = surrogates.performance.on(recorded.task, recorded.candidates).outcomes({}).mean.max(axis=1)
    favorite = recorded.candidates[int(np.argmax(predicted))]
    default, wanted = slice_seconds(recorded.task, [recorded.candidates[0], favorite], surrogates.cost).sum(axis=1)
    needed = default + in_context._ROOM * wanted
    for seconds, first in ((1.01 * needed, recorded.candidates[0]), (0.99 * needed, favorite)):
        optimizer = search(recorded)
        trial = optimizer.ask(seconds_left=seconds)
        assert trial is not None
        assert trial.configuration == first
        optimizer.tell(recorded.evaluate(trial))
        following = optimizer.ask(seconds_left=100 * needed)
        assert following is not None
        assert following.configuration != recorded.candidates[0]


@pytest.mark.parametrize(
    ("dataset", "rows", "model", "is_first"),
    [("mine", 100, "a-model", False), ("mine", 100, "another", False), ("other", 100, "a-model", False),
     ("mine", 50, "another", True), ("other", 100, "another", True)],
)  # fmt: skip
def test_however_short_the_time_is_the_first_candidate_comes_first_on_an_unfamiliar_task(
    recorded, dataset, rows, model, is_first
):
    """Of which neither the base model nor the dataset, at this size, was seen."""
    task = replace(recorded.task, dataset="mine", rows=100, model="a-model")
    known = synthetic_surrogates("in-context")
    origins = (Origin(dataset, rows, model),) * len(known.performance.origins)
    surrogates = replace(known, performance=replace(known.performance, origins=origins))
    default = slice_seconds(task, recorded.candidates[:1], surrogates.cost).sum()
    trial = TransferInContext(task, recorded.candidates, surrogates=surrogates).ask(seconds_left=default)
    assert trial is not None
    assert (trial.configuration == recorded.candidates[0]) is is_first


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


def test_surrogates_of_another_kind_are_refused_with_the_remedy():
    recorded, surrogates = recorded_task(synthetic_table(), "task-3"), synthetic_surrogates("deep-kernel")
    with pytest.raises(
        SurrogateError, match=r"got DeepKernelSurrogate; fit some with `foretune fit --kind in-context`"
    ):
        TransferInContext(recorded.task, recorded.candidates, surrogates=surrogates)


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


@dataclass(frozen=True)
class Costs:
    """Seconds of a slice by rank."""

    seconds: Sequence[float]

    def predict(self, task, configurations, fidelities):
        return np.array([self.seconds[int(one.values["rank"]) - 1] for one in configurations])


def knowing(values: np.ndarray, seconds: Sequence[float] | None = None) -> TransferInContext:
    """A search on a task like earlier ones with these values (M, N, T)."""
    surrogates = Surrogates(surrogate_of(values), Costs(seconds) if seconds else EvenCost())
    return TransferInContext(new_task(values.shape[2]), pool_of(values.shape[1]), surrogates=surrogates)


def rank_of(configuration: Configuration) -> int:
    return int(configuration.values["rank"])


def tell(optimizer: TransferInContext, trial: Trial, scores: Sequence[float], seconds: float = 1.0) -> None:
    """That a trial came to these scores, the first of which may have been told before."""
    assert trial.fidelity == len(scores)
    took = seconds * (trial.fidelity - trial.resumes_from)
    optimizer.tell(Report(trial, Status.OK, LearningCurve(scores, [seconds] * len(scores)), seconds=took))


def steps(optimizer: TransferInContext, truth: np.ndarray, count: int, seconds_left: float = math.inf):
    """(rank, from, to) of the first trials, which come to the slices of `truth` (N, T)."""
    asked = []
    for _ in range(count):
        trial = optimizer.ask(seconds_left)
        if trial is None:
            break
        asked.append((rank_of(trial.configuration), trial.resumes_from, trial.fidelity))
        tell(optimizer, trial, truth[rank_of(trial.configuration) - 1, : trial.fidelity])
    return asked


def test_one_hypothesis_is_its_ranking():
    """On a task that turns out as the earlier one, with runs of one slice."""
    values = np.array([[-1.0], [-0.3], [-1.5], [0.0], [-0.7]])
    order = [rank for rank, _, _ in steps(knowing(values[None]), values, 9)]
    assert order == [1, 4, 2, 5, 3]


def test_equal_hypotheses_choose_the_second_of_a_greedy_portfolio():
    """The default was the best on half of the tasks. The candidate that is better in the mean is no better there than
    the one that is far better on the others."""
    steady, bold = [-0.3] * 4, [-1.8, -1.8, 0.0, 0.0]
    values = np.array([[0.0, 0.0, -1.5, -1.5], steady, bold]).T[:, :, None]
    assert np.mean(steady) > np.mean(bold)
    improvements = np.maximum(values[:, 1:, 0] - values[:, :1, 0], 0.0).mean(axis=0)
    assert improvements[1] > improvements[0]
    assert [rank for rank, _, _ in steps(knowing(values), np.array([[0.5], [0.4], [0.6]]), 2)] == [1, 3]


def test_a_small_chance_of_something_far_better_is_worth_a_run():
    """Nine of ten tasks speak for the second candidate, a little; on the tenth the third one is far better than all."""
    values = np.full((10, 3, 1), [[-1.0], [-0.95], [-2.0]])
    values[9, 2] = 1.0
    assert [rank for rank, _, _ in steps(knowing(values), np.zeros((3, 1)), 2)] == [1, 3]
    values[9, 2] = -0.97
    assert [rank for rank, _, _ in steps(knowing(values), np.zeros((3, 1)), 2)] == [1, 2]


def test_an_observed_run_decides_between_hypotheses():
    """On two kinds of tasks one of two candidates is the best. The third tells which kind this one is."""
    values = np.array([[-1.0, 0.0, -1.9, -0.2], [-1.0, -1.9, 0.0, -1.9]])[:, :, None]
    for told, following in ((0.8, 2), (-0.9, 3)):
        optimizer = knowing(values)
        tell(optimizer, Trial(0, pool_of(4)[0], 1), [0.0])
        tell(optimizer, Trial(1, pool_of(4)[3], 1), [told])
        trial = optimizer.ask()
        assert trial is not None
        assert rank_of(trial.configuration) == following


def rising(last: float, slices: int = 8) -> np.ndarray:
    return np.linspace(last - 0.7, last, slices)


def test_a_run_goes_on_to_its_end_while_it_is_expected_to_beat_the_best():
    values = np.array([rising(-1.0), rising(0.0), rising(-1.9)])
    asked = steps(knowing(values[None]), values + 1.0, 9)
    assert asked == [(1, 0, 8), *((2, place, place + 1) for place in range(8))]


def test_a_run_that_is_not_expected_to_beat_the_best_is_left_after_its_least_slices():
    """The favorite comes to far less than expected."""
    values, least = np.array([rising(-1.0), rising(0.0), rising(-0.5)]), in_context._LEAST_SLICES
    truth = values.copy()
    truth[1] -= 1.9
    asked = steps(knowing(values[None]), truth, least + 2)
    assert asked == [(1, 0, 8), *((2, place, place + 1) for place in range(least)), (3, 0, 1)]


def test_where_a_run_is_left_the_best_run_may_be_continued_first(monkeypatch):
    values, least = np.array([rising(-1.0), rising(0.0), rising(-0.5)]), in_context._LEAST_SLICES
    truth = values.copy()
    truth[1] -= 1.9
    asked_for = []

    def going_on(task, history, cost, seconds_left, pending):
        asked_for.append((len(history), seconds_left))

    monkeypatch.setattr(in_context, "going_on", going_on)
    assert len(steps(knowing(values[None]), truth, least + 2, 30.0)) == least + 2
    assert asked_for == []  # recorded runs have no continuation
    surrogates = Surrogates(surrogate_of(values[None]), EvenCost())
    optimizer = TransferInContext(new_task(8), pool_of(3), surrogates=surrogates, goes_on=True)
    asked = steps(optimizer, truth, least + 2, 30.0)
    assert asked == [(1, 0, 8), *((2, place, place + 1) for place in range(least)), (3, 0, 1)]
    assert asked_for == [(1, 30.0), (1 + least, 30.0)]  # whenever no run is under way that it stays with
    more = Trial(least + 2, pool_of(4)[3], 8)
    monkeypatch.setattr(in_context, "going_on", lambda *_: more)
    tell(optimizer, Trial(least + 2, pool_of(3)[2], 8, resumes_from=1), np.full(8, -2.0))
    assert optimizer.ask() is more


def test_a_run_that_was_left_goes_on_from_where_it_stands():
    values = np.array([rising(-1.0), rising(0.0)])
    optimizer = knowing(values[None])
    tell(optimizer, Trial(0, pool_of(2)[0], 8), values[0])
    tell(optimizer, Trial(1, pool_of(2)[1], 3), values[1, :3])
    tell(optimizer, Trial(2, pool_of(2)[0], 8), values[0])
    assert steps(optimizer, values, 1) == [(2, 3, 4)]


def test_a_configuration_that_ended_badly_is_not_asked_for_again():
    values = np.array([[-1.0], [0.0], [-0.5]])
    optimizer = knowing(values[None])
    tell(optimizer, Trial(0, pool_of(3)[0], 1), [0.0])
    optimizer.tell(Report(Trial(1, pool_of(3)[1], 1), Status.DIVERGED, LearningCurve(), seconds=1.0))
    assert [rank for rank, _, _ in steps(optimizer, values, 5)] == [3]


def test_near_the_end_configurations_are_judged_by_the_slices_that_fit():
    """The favorite's best slice is out of reach, and within reach it is worse than the quick one."""
    values = np.array([[-1.5, -1.5], [-1.9, 0.0], [-0.6, -0.5]])
    for left, following in ((8.0, 2), (7.0, 3)):
        optimizer = knowing(values[None], seconds=[1.0, 4.0, 1.0])
        tell(optimizer, Trial(0, pool_of(3)[0], 2), values[0])
        trial = optimizer.ask(left)
        assert trial is not None
        assert rank_of(trial.configuration) == following


def test_measured_seconds_count_and_not_predicted_ones():
    """Everything takes three times as long here."""
    values = np.array([[-1.0], [0.0]])
    for left, fits in ((6.1, True), (5.9, False)):
        optimizer = knowing(values[None], seconds=[1.0, 2.0])
        tell(optimizer, Trial(0, pool_of(2)[0], 1), [0.0], seconds=3.0)
        assert (optimizer.ask(left) is not None) is fits


def test_the_default_is_believed_in_while_it_is_under_way():
    """As if it had come as predicted: the candidate that beats it on one of the earlier tasks is left to hope for."""
    values = np.array([[0.0, -0.4, -1.8], [-1.0, -0.9, -0.2]])[:, :, None]
    optimizer, informed = knowing(values), knowing(values)
    first = optimizer.ask()
    assert first is not None
    assert rank_of(first.configuration) == 1
    tell(informed, first, [1.0 + values[:, 0, 0].mean()])
    following, expected = optimizer.ask(pending=[first]), informed.ask()
    assert following is not None
    assert expected is not None
    assert following == replace(expected, id=1)
    assert rank_of(following.configuration) == 3


def test_a_default_that_a_kill_took_from_beside_other_trials_is_trained_again():
    """Trial 0 was the default, of which nothing was told."""
    for number, rank in ((1, 1), (0, 3)):
        optimizer = knowing(np.array([[[-1.0], [-2.0], [0.0]]]))
        tell(optimizer, Trial(number, pool_of(3)[1], 1), [-1.0])
        trial = optimizer.ask()
        assert trial is not None
        assert rank_of(trial.configuration) == rank


def test_an_untrained_model_is_the_best_so_far_only_where_gains_are_relative_to_it(recorded):
    """The zero-shot loss among the meta-features is no score of an accuracy, and no accuracy would ever beat it."""
    losses = search(recorded)
    task = replace(recorded.task, metric=Metric("accuracy", maximize=True))
    accuracies = TransferInContext(task, recorded.candidates, surrogates=synthetic_surrogates("in-context"))
    for optimizer, scores, best in ((losses, [-99.0, -98.0], 0.0), (accuracies, [0.6, 0.7], 0.7)):
        report = Report(Trial(0, recorded.candidates[0], 2), Status.OK, LearningCurve(scores, [1.0, 1.0]))
        assert optimizer._best_gain(state_of((report,))) == best
