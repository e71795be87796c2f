import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from set_clock import set_clock

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

    def ask(self, seconds_left=math.inf, pending=()):
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
        def ask(self, seconds_left=math.inf, pending=()):
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


class AtOnce(RoundRobin):
    """The same with trials under way, which are not asked for again; remembers these, too."""

    def __init__(self):
        super().__init__()
        self.pending = []

    def ask(self, seconds_left=math.inf, pending=()):
        self.pending.append([trial.id for trial in pending])
        done = {report.trial.configuration: report.trial.fidelity for report in self.told}
        busy = {trial.configuration for trial in pending}
        free = [one for one in CANDIDATES if one not in busy and done.get(one, 0) < SLICES]
        candidate = min(free, key=lambda one: done.get(one, 0), default=None)
        if candidate is None:
            return None
        seen = done.get(candidate, 0)
        return Trial(len(self.told) + len(pending), candidate, seen + 1, seen)


def test_several_trials_are_written_down_in_the_order_in_which_they_end(tmp_path):
    journal, optimizer, both = tmp_path / "journal.jsonl", AtOnce(), threading.Barrier(2, timeout=10)
    second_is_written, shown = threading.Event(), []

    def evaluated(trial):
        if trial.id < 2:
            both.wait()
        if trial.id == 0:
            assert second_is_written.wait(10)
        return evaluate(trial)

    def observe(progress):
        shown.append((progress.trial and progress.trial.id, [trial.id for trial in progress.pending]))
        if len(progress.history) == 1:
            second_is_written.set()

    result = tune(optimizer, evaluated, budget=Budget(slices=3), journal=journal, observers=[observe], workers=2)
    assert result.history[0].trial.id == 1
    assert sorted(report.trial.id for report in result.history) == [0, 1, 2]
    assert read_journal(journal).history == result.history == tuple(optimizer.told)
    assert optimizer.pending == [[], [0], [0]]
    assert shown[:5] == [(None, []), (0, [0]), (1, [0, 1]), (None, [0]), (2, [0, 2])]
    assert result.reason == "all slices of the budget are trained"


def test_no_more_trials_are_under_way_than_there_are_workers_or_slices():
    under_way, most, lock = [], [], threading.Lock()

    def evaluated(trial):
        with lock:
            under_way.append(trial)
            most.append(len(under_way))
        time.sleep(0.01)
        with lock:
            under_way.remove(trial)
        return evaluate(trial)

    for workers, slices, expected in ((3, 12, 3), (5, 2, 2)):
        most.clear()
        result = tune(AtOnce(), evaluated, budget=Budget(slices=slices), workers=workers)
        assert (max(most), slices_trained(result.history)) == (expected, slices)


def test_a_search_that_waits_for_reports_goes_on_after_them():
    """Five candidates for eight workers: where none is left for the moment, it has not ended."""
    result = tune(AtOnce(), evaluate, budget=Budget(), workers=8)
    assert len(result.history) == len(CANDIDATES) * SLICES
    assert result.incumbent.configuration == CANDIDATES[2]


def test_recorded_seconds_of_trials_at_the_same_time_are_counted_once():
    result = tune(AtOnce(), lambda trial: evaluate(trial, seconds=100.0), budget=Budget(slices=3), workers=3)
    assert result.spent_seconds == pytest.approx(100.0)


def test_trials_that_a_kill_took_are_asked_for_again_with_numbers_of_their_own(tmp_path):
    journal, killed = tmp_path / "journal.jsonl", threading.Event()

    def dies(trial):
        if trial.id == 0:
            killed.wait(10)
            raise KeyboardInterrupt
        report = evaluate(trial)
        if trial.id == 3:
            killed.set()
        return report

    with pytest.raises(KeyboardInterrupt):
        tune(AtOnce(), dies, budget=Budget(slices=8), journal=journal, workers=2)
    before = read_journal(journal).history
    resumed = tune(AtOnce(), evaluate, budget=Budget(slices=8), journal=journal, workers=3)
    ids = [report.trial.id for report in resumed.history]
    assert 0 not in ids
    assert len(set(ids)) == len(ids) == 8
    assert resumed.history[: len(before)] == before
    assert CANDIDATES[0] in {report.trial.configuration for report in resumed.history}


def test_trials_given_up_are_left_out_and_those_beside_them_are_kept():
    both = threading.Barrier(2, timeout=10)

    def evaluated(trial):
        if trial.id < 2:
            both.wait()
        if trial.id == 0:
            raise foretune.tuner.AbandonedError
        return evaluate(trial)

    result = tune(AtOnce(), evaluated, budget=Budget(), workers=2)
    ids = {report.trial.id for report in result.history}
    assert 1 in ids
    assert 0 not in ids
    assert result.reason == foretune.tuner.INTERRUPTED


def test_an_error_does_not_wait_for_the_trials_under_way():
    never = threading.Event()

    def evaluated(trial):
        if trial.id == 0:
            never.wait(10)
            return evaluate(trial)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        tune(AtOnce(), evaluated, budget=Budget(), workers=2)
    assert not never.is_set()
    never.set()


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_jump_of_the_wall_clock_is_no_time_of_a_budget(monkeypatch, jump):
    monkeypatch.setattr(foretune.tuner, "time", time)
    clock = Clock(10.0)
    set_clock(monkeypatch, jump)
    assert clock.spent() == pytest.approx(10.0, abs=5.0)
