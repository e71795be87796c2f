"""The suite that every optimizer must pass; a new one only has to be entered in `OPTIMIZERS`, or, if it follows an
order that is made elsewhere, in `FOLLOWERS`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from foretune.benchmark.replay import RecordedTask
from foretune.optimizer import OPTIMIZERS, Optimizer, make_optimizer
from foretune.optimizer.baselines import Ordered, one_slice_top_k, successive_halving
from foretune.paper.performance import DeepKernelSurrogate
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.protocol import Surrogates
from foretune.types import LearningCurve, Report, Status, Trial

ROUNDS = 25
REFITTING = {"quick-tune", "quick-tune-repaired"}
FOLLOWERS = {"ordered": Ordered, "successive-halving": successive_halving, "one-slice-top-k": one_slice_top_k}


@pytest.fixture(params=[*sorted(OPTIMIZERS), *FOLLOWERS])
def make(request: pytest.FixtureRequest, recorded: RecordedTask, surrogates: Surrogates):
    candidates = recorded.candidates
    if request.param in REFITTING and not isinstance(surrogates.performance, DeepKernelSurrogate):
        pytest.skip("only deep kernels can be refit")
    if request.param == "transfer-in-context" and not isinstance(surrogates.performance, InContextSurrogate):
        pytest.skip("only in-context surrogates know earlier tasks one by one")

    def build(seed: int = 0) -> Optimizer:
        if follower := FOLLOWERS.get(request.param):
            return follower(recorded.task, candidates, cost=surrogates.cost)
        # Refits of three steps: the contract holds after any number of them.
        options = {"steps": 3} if request.param in REFITTING else {}
        return make_optimizer(request.param, recorded.task, candidates, candidates[0], surrogates, seed, **options)

    return build


def search(optimizer: Optimizer, recorded: RecordedTask, rounds: int = ROUNDS) -> list[Report]:
    reports: list[Report] = []
    while len(reports) < rounds and (trial := optimizer.ask()) is not None:
        reports.append(recorded.evaluate(trial))
        optimizer.tell(reports[-1])
    return reports


def test_every_optimizer_is_under_contract():
    rules = {f"rule:{name}" for name in ("unsloth", "tinker", "llama-factory", "auto-epochs", "constant")}
    assert set(OPTIMIZERS) == {"transfer", "transfer-in-context", *REFITTING, "random", "default", "lr-probe", *rules}


def test_trials_are_numbered_and_go_on_where_the_configuration_stopped(make, recorded):
    trained: dict[str, int] = {}
    reports = search(make(), recorded)
    assert reports
    for number, report in enumerate(reports):
        trial = report.trial
        assert trial.id == number
        assert trial.resumes_from == trained.get(trial.configuration.key, 0)
        assert trial.resumes_from < trial.fidelity <= recorded.task.max_fidelity
        trained[trial.configuration.key] = len(report.curve)


def test_only_candidates_are_asked(make, recorded):
    assert {report.trial.configuration.key for report in search(make(), recorded)} <= set(recorded.recordings)


def test_same_arguments_same_search(make, recorded):
    assert search(make(), recorded) == search(make(), recorded)


def test_asking_changes_nothing(make, recorded):
    asked_often, asked_once = make(), make()
    for _ in range(5):
        trials = [asked_often.ask() for _ in range(3)]
        asked_often.ask(seconds_left=1.0)
        trial = asked_once.ask()
        assert trials == [trial] * 3
        if trial is None:
            break
        report = recorded.evaluate(trial)
        asked_often.tell(report)
        asked_once.tell(report)


@pytest.mark.parametrize("stop", [1, 4, 9])
def test_resuming_by_telling_equals_going_on(make, recorded, stop):
    uninterrupted = search(make(), recorded)
    resumed = make()
    for report in uninterrupted[:stop]:
        resumed.tell(report)
    assert search(resumed, recorded, ROUNDS - stop) == uninterrupted[stop:]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK])
def test_what_failed_is_not_proposed_again(make, status):
    optimizer = make()
    asked: list[str] = []
    while len(asked) < ROUNDS and (trial := optimizer.ask()) is not None:
        asked.append(trial.configuration.key)
        optimizer.tell(Report(trial, status, LearningCurve(), message="made up", seconds=1.0))
    assert len(asked) == len(set(asked)) > 0


def test_a_run_that_failed_half_way_keeps_its_curve_and_is_closed(make):
    optimizer = make()
    trial = optimizer.ask()
    assert trial is not None
    curve = LearningCurve([-1.0], [2.0])
    whole = Trial(trial.id, trial.configuration, fidelity=2)
    optimizer.tell(Report(whole, Status.OUT_OF_MEMORY, curve, message="made up", seconds=3.0))
    following = optimizer.ask()
    assert following is None or following.configuration != trial.configuration


@pytest.mark.parametrize("seconds_left", [0.0, -1.0, 1e-6])
def test_nothing_is_asked_when_nothing_fits(make, seconds_left):
    assert make().ask(seconds_left=seconds_left) is None


@pytest.mark.parametrize("seconds_left", [0.4, 1.0, 3.0, 20.0])
def test_what_is_asked_is_predicted_to_fit(make, recorded, surrogates, seconds_left):
    trial = make().ask(seconds_left=seconds_left)
    if trial is None:
        return
    slices = np.arange(1, trial.fidelity + 1)
    seconds = surrogates.cost.predict(recorded.task, [trial.configuration] * len(slices), slices)
    assert seconds.sum() <= seconds_left


def test_slow_hardware_is_noticed(make, recorded):
    """After a run that took 100 times its predicted seconds, a budget that seemed ample before buys nothing."""
    optimizer = make()
    trial = optimizer.ask()
    assert trial is not None
    fast = recorded.evaluate(trial).curve
    slow = LearningCurve(fast.scores, fast.seconds * 100)
    optimizer.tell(Report(trial, Status.OK, slow, seconds=float(slow.seconds.sum())))
    assert optimizer.ask(seconds_left=float(fast.seconds.mean())) is None


def test_ends_when_everything_is_trained(make, recorded):
    reports = search(make(), recorded, rounds=10_000)
    assert len(reports) <= len(recorded.candidates) * recorded.task.max_fidelity
    assert make().ask(math.inf) is not None


def search_with_workers(optimizer: Optimizer, recorded: RecordedTask, workers: int, rounds: int) -> list[Report]:
    """Keeps several trials under way; of these the one asked for last is told first, which is the hardest order."""
    reports, pending = list[Report](), list[Trial]()
    while len(reports) < rounds:
        while len(pending) < workers and (trial := optimizer.ask(pending=pending)) is not None:
            assert trial.configuration not in [other.configuration for other in pending]
            pending.append(trial)
        if not pending:
            break
        reports.append(recorded.evaluate(pending.pop()))
        optimizer.tell(reports[-1])
    return reports


@pytest.mark.parametrize("workers", [2, 3])
def test_trials_under_way_are_not_asked_again(make, recorded, workers):
    reports = search_with_workers(make(), recorded, workers, ROUNDS)
    ids = [report.trial.id for report in reports]
    assert len(set(ids)) == len(ids) > 0
    trained: dict[str, int] = {}
    for report in reports:
        assert report.trial.resumes_from == trained.get(report.trial.configuration.key, 0)
        trained[report.trial.configuration.key] = len(report.curve)
