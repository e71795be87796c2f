import math
from types import SimpleNamespace

import numpy as np
import pytest

import foretune.tuner
from foretune.journal import read_journal
from foretune.tuner import Budget, Clock, incumbent_of, slices_trained, tune
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

SLICES = 4
CANDIDATES = [Configuration({"rate": 0.1 * number}) for number in range(5)]


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """A clock that stands still unless a test moves it."""
    moment = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(foretune.tuner, "time", SimpleNamespace(monotonic=lambda: moment.seconds))
    return moment


class RoundRobin:
    """Trains one slice of each candidate in turn; remembers what it was asked and told."""

    def __init__(self):
        self.told = []
        self.seconds_left = []

    def ask(self, seconds_left=math.inf):
        self.seconds_left.append(seconds_left)
        done = dict.fromkeys(CANDIDATES, 0)
        for report in self.told:
            done[report.trial.configuration] = SLICES if report.status is not Status.OK else report.trial.fidelity
        candidate = min(CANDIDATES, key=done.__getitem__)
        if done[candidate] == SLICES:
            return None
        return Trial(len(self.told), candidate, done[candidate] + 1, done[candidate])

    def tell(self, report):
        self.told.append(report)


def evaluate(trial, seconds=1.0):
    """A made-up task: losses fall with each slice, and the third candidate is the best until its last slice."""
    rate = trial.configuration.values["rate"]
    scores = [-(2.0 + abs(rate - 0.2) - 0.1 * fidelity) for fidelity in range(1, trial.fidelity + 1)]
    if rate == 0.2 and trial.fidelity == SLICES:
        scores[-1] = -9.0
    trained = trial.fidelity - trial.resumes_from
    return Report(
        trial, Status.OK, LearningCurve(np.array(scores), np.full(len(scores), seconds)), "", trained * seconds
    )


def test_it_ends_when_nothing_is_left_to_train():
    result = tune(RoundRobin(), evaluate, budget=Budget(slices=100))
    assert len(result.history) == len(CANDIDATES) * SLICES
    assert "nothing more is left" in result.reason
    assert result.incumbent.configuration == CANDIDATES[2]
    assert result.incumbent.fidelity == 3
    assert result.incumbent.score == pytest.approx(-1.7)


def test_it_ends_with_its_slices():
    result = tune(RoundRobin(), evaluate, budget=Budget(slices=7))
    assert slices_trained(result.history) == 7
    assert result.reason == "all slices of the budget are trained"


def test_a_run_longer_than_the_slices_left_is_cut_short():
    class WholeRuns(RoundRobin):
        def ask(self, seconds_left=math.inf):
            return Trial(len(self.told), CANDIDATES[len(self.told)], SLICES)

    result = tune(WholeRuns(), evaluate, budget=Budget(slices=SLICES + 1))
    assert [report.trial.fidelity for report in result.history] == [SLICES, 1]


def test_recorded_seconds_spend_the_budget():
    optimizer = RoundRobin()
    result = tune(optimizer, lambda trial: evaluate(trial, seconds=100.0), budget=Budget(seconds=450.0))
    assert len(result.history) == 5
    assert result.spent_seconds == pytest.approx(500.0)
    assert optimizer.seconds_left == pytest.approx([450.0, 350.0, 250.0, 150.0, 50.0])


def test_real_seconds_are_not_counted_twice(now):
    def slow(trial):
        now.seconds += 3.0
        return evaluate(trial, seconds=2.5)

    assert tune(RoundRobin(), slow, budget=Budget(slices=2)).spent_seconds == pytest.approx(6.0)


def test_time_before_the_search_counts():
    clock = Clock()
    clock.add(99.5)
    result = tune(RoundRobin(), lambda trial: evaluate(trial, seconds=1.0), budget=Budget(seconds=100.0), clock=clock)
    assert len(result.history) == 1


def test_a_report_is_journaled_before_it_is_told(tmp_path):
    journal = tmp_path / "journal.jsonl"

    class Checks(RoundRobin):
        def tell(self, report):
            assert read_journal(journal).history[-1] == report
            super().tell(report)

    optimizer = Checks()
    tune(optimizer, evaluate, budget=Budget(slices=3), journal=journal)
    assert len(optimizer.told) == 3


@pytest.mark.parametrize("killed_at", range(1, 8))
def test_a_resumed_search_equals_the_uninterrupted_one(tmp_path, killed_at):
    budget = Budget(slices=8)
    whole = tune(RoundRobin(), evaluate, budget=budget)
    journal = tmp_path / "journal.jsonl"
    calls = []

    def dies(trial):
        calls.append(trial)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return evaluate(trial)

    with pytest.raises(KeyboardInterrupt):
        tune(RoundRobin(), dies, budget=budget, journal=journal)
    resumed = tune(RoundRobin(), evaluate, budget=budget, journal=journal)

    assert resumed.history == whole.history
    assert resumed.incumbent == whole.incumbent
    assert read_journal(journal).history == whole.history


def test_spent_seconds_go_on_after_a_resume(tmp_path):
    journal = tmp_path / "journal.jsonl"
    tune(RoundRobin(), lambda trial: evaluate(trial, 100.0), budget=Budget(slices=2), journal=journal)
    optimizer = RoundRobin()
    result = tune(optimizer, lambda trial: evaluate(trial, 100.0), budget=Budget(seconds=350.0), journal=journal)
    assert optimizer.seconds_left[0] == pytest.approx(150.0)
    assert len(result.history) == 4


def test_a_failed_trial_is_data():
    def diverges(trial):
        if trial.configuration == CANDIDATES[1]:
            return Report(trial, Status.DIVERGED, LearningCurve(), "loss is NaN", 0.5)
        return evaluate(trial)

    result = tune(RoundRobin(), diverges, budget=Budget(slices=6))
    assert slices_trained(result.history) == 6
    assert [report.trial.configuration for report in result.history].count(CANDIDATES[1]) == 1
    assert result.incumbent.configuration == CANDIDATES[2]


def test_the_incumbent_keeps_the_earliest_of_equals():
    trials = [Trial(number, CANDIDATES[number], 1) for number in range(2)]
    history = [Report(trial, Status.OK, LearningCurve(np.array([-1.0]), np.ones(1))) for trial in trials]
    assert incumbent_of(history).configuration == CANDIDATES[0]
    assert incumbent_of([]) is None


def test_observers_see_each_trial_and_each_report():
    seen = []
    tune(RoundRobin(), evaluate, budget=Budget(slices=2), observers=[seen.append])
    assert [progress.trial is None for progress in seen] == [True, False, True, False, True]
    assert [len(progress.history) for progress in seen] == [0, 0, 1, 1, 2]
    assert seen[0].incumbent is None
    assert seen[-1].incumbent.fidelity == 1


@pytest.mark.parametrize("arguments", [{"seconds": 0.0}, {"seconds": math.nan}, {"slices": 0}, {"seconds": -1.0}])
def test_a_budget_is_positive(arguments):
    with pytest.raises(ValueError, match="a budget must be positive"):
        Budget(**arguments)


def test_a_search_that_is_told_to_stop_keeps_what_it_has(tmp_path):
    done = []

    def evaluate(trial):
        done.append(trial)
        return Report(trial, Status.OK, LearningCurve(-np.ones(trial.fidelity), np.ones(trial.fidelity)), "", 1.0)

    result = tune(RoundRobin(), evaluate, budget=Budget(), journal=tmp_path / "j.jsonl", stop=lambda: len(done) == 3)
    assert (len(result.history), result.reason) == (3, foretune.tuner.INTERRUPTED)
    assert read_journal(tmp_path / "j.jsonl").history == result.history


def test_a_trial_given_up_is_not_written_down(tmp_path):
    def evaluate(trial):
        if trial.id == 2:
            raise foretune.tuner.AbandonedError
        return Report(trial, Status.OK, LearningCurve(-np.ones(trial.fidelity), np.ones(trial.fidelity)), "", 1.0)

    result = tune(RoundRobin(), evaluate, budget=Budget(), journal=tmp_path / "j.jsonl")
    assert (len(result.history), result.reason) == (2, foretune.tuner.INTERRUPTED)
    assert len(read_journal(tmp_path / "j.jsonl").entries) == 2
