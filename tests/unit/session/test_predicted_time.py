"""A budget in predicted seconds does not look at the clock."""

import math

import numpy as np

from foretune.session.predicted_time import PredictedTime
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

TASK = Task("questions:tiny", VALIDATION_NLL, {}, 4)
SMALL, LARGE = Configuration({"rank": 2}), Configuration({"rank": 8})


class Cost:
    def predict(self, task, configurations, fidelities):
        return np.array([float(one.values["rank"]) for one in configurations])


class Notes:
    """Remembers what it was asked and told."""

    def __init__(self):
        self.left, self.told = [], []

    def ask(self, seconds_left=math.inf, pending=()):
        self.left.append(seconds_left)

    def tell(self, report):
        self.told.append(report)


def report(configuration, begun, reached, seconds, status=Status.OK):
    fidelity = reached + (status is not Status.OK)
    curve = LearningCurve(-np.ones(reached), np.full(reached, seconds))
    return Report(Trial(0, configuration, fidelity, begun), status, curve, "", seconds * (reached - begun))


def test_slices_cost_what_was_predicted_however_long_they_took():
    told = []
    for pace in (1.0, 60.0):
        inner = Notes()
        timed = PredictedTime(inner, TASK, Cost(), seconds=100.0)
        timed.ask(5.0)
        timed.tell(report(SMALL, 0, 2, pace))
        timed.tell(report(LARGE, 0, 1, pace))
        timed.tell(report(LARGE, 1, 1, pace, Status.DIVERGED))
        timed.ask()
        assert inner.left == [5.0, 100.0 - 2 * 2.0 - 8.0 - 8.0]
        assert timed.left == inner.left[-1]
        told.append([(one.curve.seconds.tolist(), one.seconds) for one in inner.told])
    assert told[0] == told[1] == [([2.0, 2.0], 4.0), ([8.0], 8.0), ([8.0], 8.0)]
