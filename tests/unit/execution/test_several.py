"""Trials among several evaluators."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from foretune.execution.several import Several
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


def trials(count):
    return [Trial(number, Configuration({"rank": number}), 1) for number in range(count)]


def test_trials_at_the_same_time_are_run_by_different_evaluators():
    both = threading.Barrier(2, timeout=10)

    def named(name):
        def evaluate(trial, timeout_seconds):
            both.wait()
            return Report(trial, Status.OK, LearningCurve([-1.0], [1.0]), name, timeout_seconds)

        return evaluate

    several = Several([named("first"), named("second")])
    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(several, trials(4), [7.0] * 4))
    assert sorted(report.message for report in reports) == ["first", "first", "second", "second"]
    assert [(report.trial.id, report.seconds) for report in reports] == [(number, 7.0) for number in range(4)]


def test_an_evaluator_that_raises_is_free_again():
    def fails(trial, timeout_seconds):
        raise OSError("disk full")

    several = Several([fails])
    for trial in trials(2):
        with pytest.raises(OSError, match="disk full"):
            several(trial)
