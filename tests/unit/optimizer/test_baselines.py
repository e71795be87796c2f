"""Optimizers that follow an order: what they ask, step by step."""

from __future__ import annotations

import pytest

from foretune.optimizer.baselines import Ordered, one_slice_top_k, rungs, successive_halving
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

TASK = Task("made up", VALIDATION_NLL, {}, max_fidelity=8)
POOL = [Configuration({"rank": rank}) for rank in range(1, 12)]


def quality(configuration: Configuration) -> float:
    return float(configuration.values["rank"])


def answer(trial: Trial, worth=quality) -> Report:
    """Every slice of a configuration scores the same, in a second."""
    count = trial.fidelity
    curve = LearningCurve([worth(trial.configuration)] * count, [1.0] * count)
    return Report(trial, Status.OK, curve, seconds=float(count - trial.resumes_from))


def steps(optimizer, count, worth=quality):
    """(rank, from, to) of the first trials."""
    asked = []
    for _ in range(count):
        trial = optimizer.ask()
        if trial is None:
            break
        asked.append((trial.configuration.values["rank"], trial.resumes_from, trial.fidelity))
        optimizer.tell(answer(trial, worth))
    return asked


def test_an_order_is_followed_to_the_end_of_each_run():
    assert steps(Ordered(TASK, [POOL[2], POOL[0], POOL[2]]), 5) == [(3, 0, 8), (1, 0, 8)]


@pytest.mark.parametrize(
    ("slices", "eta", "expected"),
    [(8, 2, (1, 2, 4, 8)), (8, 3, (1, 3, 8)), (1, 2, (1,)), (5, 2, (1, 2, 3, 5))],
)
def test_rungs(slices, eta, expected):
    assert rungs(slices, eta) == expected


def test_successive_halving_lets_the_better_half_go_on_and_then_opens_the_next_bracket():
    asked = steps(successive_halving(TASK, POOL, eta=2), 100)
    bracket = [(rank, 0, 1) for rank in range(1, 9)]
    bracket += [(rank, 1, 2) for rank in (8, 7, 6, 5)] + [(8, 2, 4), (7, 2, 4), (8, 4, 8)]
    assert asked[:15] == bracket
    assert asked[15:] == [(9, 0, 1), (10, 0, 1), (11, 0, 1), (11, 1, 2), (11, 2, 4), (11, 4, 8)]


def test_successive_halving_with_thirds():
    asked = steps(successive_halving(TASK, POOL[:9], eta=3), 100)
    assert asked[9:] == [(9, 1, 3), (8, 1, 3), (7, 1, 3), (9, 3, 8)]


def test_the_first_is_trained_to_the_end_and_is_in_no_bracket():
    asked = steps(successive_halving(TASK, POOL, first=POOL[4]), 10)
    assert asked[:3] == [(5, 0, 8), (1, 0, 1), (2, 0, 1)]
    assert [rank for rank, *_ in asked].count(5) == 1


def test_one_that_diverges_does_not_go_on():
    optimizer = successive_halving(TASK, POOL[:8])
    for _ in range(8):
        trial = optimizer.ask()
        assert trial is not None
        bad = trial.configuration == POOL[7]
        failed = Report(trial, Status.DIVERGED, LearningCurve(), "made up", seconds=1.0)
        optimizer.tell(failed if bad else answer(trial))
    following = optimizer.ask()
    assert following is not None
    assert following.configuration == POOL[6]


def test_one_slice_of_each_then_the_best_to_the_end():
    asked = steps(one_slice_top_k(TASK, POOL[:6], count=4, keep=2), 100)
    assert asked[:4] == [(1, 0, 1), (2, 0, 1), (3, 0, 1), (4, 0, 1)]
    assert asked[4:] == [(4, 1, 8), (3, 1, 8), (5, 0, 1), (6, 0, 1), (6, 1, 8), (5, 1, 8)]


def test_no_slice_is_begun_that_will_not_fit():
    for optimizer in (successive_halving(TASK, POOL), one_slice_top_k(TASK, POOL), Ordered(TASK, POOL)):
        first = optimizer.ask()
        assert first is not None
        optimizer.tell(answer(first))
        assert optimizer.ask(seconds_left=0.5) is None
        assert optimizer.ask(seconds_left=1.0) is not None


def with_workers(optimizer, workers):
    """(rank, from, to) of all trials, as asked, with several under way; the one begun first ends first."""
    asked, pending = [], []
    while True:
        while len(pending) < workers and (trial := optimizer.ask(pending=pending)):
            pending.append(trial)
            asked.append((trial.configuration.values["rank"], trial.resumes_from, trial.fidelity))
        if not pending:
            return asked
        optimizer.tell(answer(pending.pop(0)))


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("kind", [Ordered, successive_halving, one_slice_top_k])
def test_with_workers_the_same_is_trained_as_alone(kind, workers):
    """In another order, as a bracket whose rung is not decided yet waits while the next one begins."""
    alone, together = steps(kind(TASK, POOL), 1000), with_workers(kind(TASK, POOL), workers)
    assert sorted(together) == sorted(alone)
    assert together[:workers] == alone[:workers]
