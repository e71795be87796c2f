"""Going on from the best run: when, and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from foretune.optimizer.going_on import going_on
from foretune.types import CONTINUES, VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

TASK = Task("d@80:m", VALIDATION_NLL, {}, 4, "d", 80, "m")
DEFAULT = Configuration({"learning_rate": 1e-3, "epochs": 3, "batch_size": 8, "method": "lora"})
OTHER = Configuration({**DEFAULT.values, "learning_rate": 2e-3})
MORE = Configuration({**DEFAULT.values, CONTINUES: DEFAULT.key})


class ByEpochs:
    """Runs take as long as their epochs: of three epochs, a second a slice."""

    def predict(self, task: Task, configurations: Sequence[Configuration], fidelities: np.ndarray) -> np.ndarray:
        return np.array([float(one.values["epochs"]) / 3 for one in configurations])


def ran(configuration: Configuration, *losses: float, status: Status = Status.OK) -> Report:
    """Four slices of a second each, or as many as there are losses."""
    trial = Trial(0, configuration, max(1, len(losses)))
    return Report(trial, status, LearningCurve(-np.array(losses), np.ones(len(losses))), seconds=float(len(losses)))


TRIED = ran(Configuration({**DEFAULT.values, "rank": 1}), 3.0, 2.5)
FALLING = (2.0, 1.5, 1.2, 1.1)


def asked(*history: Report, left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
    """After a run that was left."""
    return going_on(TASK, (TRIED, *history), ByEpochs(), left, pending)


def test_a_best_run_that_was_still_getting_better_is_trained_as_long_again():
    assert asked(ran(DEFAULT, *FALLING)) == Trial(2, MORE, 4)
    assert asked(ran(DEFAULT, *FALLING), ran(OTHER, 3.0, 2.5)) == Trial(3, MORE, 4)


def test_a_second_configuration_is_tried_first():
    assert going_on(TASK, [ran(DEFAULT, *FALLING)], ByEpochs(), math.inf) is None
    assert going_on(TASK, [ran(DEFAULT, *FALLING), ran(MORE, 1.0)], ByEpochs(), math.inf) is None
    assert going_on(TASK, [ran(DEFAULT, *FALLING), ran(OTHER, 3.0)], ByEpochs(), math.inf) == Trial(2, MORE, 4)


@pytest.mark.parametrize(
    "history",
    [
        (),
        (ran(DEFAULT, 2.0, 1.5, 1.1, 1.2),),  # its best slice is at three quarters
        (ran(DEFAULT, 2.0, 1.5, 1.2),),  # not complete
        (ran(DEFAULT, *FALLING), ran(OTHER, 1.0, 1.3)),  # not the best
        (ran(Configuration({**DEFAULT.values, "method": "full"}), *FALLING),),
        (ran(DEFAULT, *FALLING), ran(MORE, 1.4, 1.3, 1.3, 1.2)),  # was continued, and not for the better
        (ran(DEFAULT, *FALLING), ran(MORE, status=Status.DIVERGED)),
        (ran(DEFAULT, status=Status.FAILED),),
    ],
)
def test_nothing_else_is(history):
    assert asked(*history) is None


def test_a_run_that_goes_on_may_be_gone_on_with():
    again = asked(ran(DEFAULT, *FALLING), ran(MORE, 1.1, 1.0, 0.9, 0.8))
    assert again == Trial(3, Configuration({**DEFAULT.values, CONTINUES: MORE.key}), 4)


def test_the_last_slice_need_not_be_the_best():
    history = [TRIED, ran(DEFAULT, *FALLING, 1.0, 0.9, 0.8, 0.81)]
    assert going_on(replace(TASK, max_fidelity=8), history, ByEpochs(), math.inf) == Trial(2, MORE, 8)


def test_a_run_that_was_stopped_goes_on_first():
    assert asked(ran(DEFAULT, *FALLING), ran(MORE, 1.0)) == Trial(3, MORE, 4, resumes_from=1)
    assert asked(ran(DEFAULT, *FALLING), ran(MORE, 1.2)) == Trial(3, MORE, 4, resumes_from=1)


def test_epochs_are_as_many_as_the_time_left_carries():
    trial = asked(ran(DEFAULT, *FALLING), left=3.0)  # a whole run takes four seconds
    assert trial is not None
    assert trial.configuration.values["epochs"] == 2
    assert trial.fidelity == 4
    assert asked(ran(DEFAULT, *FALLING), left=1.3) is None


def test_it_is_not_asked_for_twice_at_a_time():
    assert asked(ran(DEFAULT, *FALLING), pending=[Trial(2, MORE, 4)]) is None
