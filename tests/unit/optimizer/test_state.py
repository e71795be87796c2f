from __future__ import annotations

import numpy as np

from foretune.optimizer.state import incumbent_score, next_run, state_of
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

TASK = Task("t", VALIDATION_NLL, {}, max_fidelity=4)
A, B = Configuration({"x": 1}), Configuration({"x": 2})


class OneSecond:
    """Every slice costs a second."""

    def predict(self, task, configurations, fidelities) -> np.ndarray:
        return np.ones(len(configurations))


def report(number: int, configuration: Configuration, scores: list[float], *, start: int = 0, **values) -> Report:
    curve = LearningCurve(scores, [1.0] * len(scores))
    trial = Trial(number, configuration, fidelity=max(len(scores), 1), resumes_from=start)
    return Report(trial, **{"status": Status.OK, "curve": curve, "seconds": float(len(scores) - start), **values})


def test_the_later_report_on_a_configuration_holds():
    state = state_of((report(0, A, [-3.0]), report(1, B, [-1.0]), report(2, A, [-3.0, -2.0], start=1)))
    assert state.seen(A) == 2
    assert state.seen(Configuration({"x": 3})) == 0
    assert incumbent_score(state, -4.0) == -1.0


def test_untrained_is_the_incumbent_until_something_is_better():
    assert incumbent_score(state_of(()), -4.0) == -4.0
    assert incumbent_score(state_of((report(0, A, [-5.0]),)), -4.0) == -4.0


def test_what_failed_is_closed_but_its_curve_counts():
    state = state_of((report(0, A, [-2.0], status=Status.DIVERGED),))
    assert not state.is_open(A, 4)
    assert incumbent_score(state, -4.0) == -2.0


def test_a_whole_run_is_cut_to_what_can_be_paid_for():
    trial = next_run([A, B], (), TASK, OneSecond(), 2.5)
    assert trial == Trial(0, A, fidelity=2)
    history = (report(0, A, [-3.0, -2.0], seconds=2.0),)
    assert next_run([A, B], history, TASK, OneSecond(), 9.0) == Trial(1, A, fidelity=4, resumes_from=2)


def test_without_a_cost_surrogate_measured_slices_are_the_guess():
    slow = LearningCurve([-3.0] * 4, [5.0] * 4)
    history = (Report(Trial(0, A, 4), Status.OK, slow, seconds=20.0),)
    assert next_run([A, B], (), TASK, None, 0.1) == Trial(0, A, fidelity=4)
    assert next_run([A, B], history, TASK, None, 11.0) == Trial(1, B, fidelity=2)
    assert next_run([A, B], history, TASK, None, 4.0) is None
