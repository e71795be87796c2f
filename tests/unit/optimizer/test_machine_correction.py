from __future__ import annotations

import numpy as np
import pytest

from foretune.optimizer.machine_correction import MachineCorrection
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

TASK = Task("task", VALIDATION_NLL, {}, max_fidelity=4)
BATCHES = (4, 8, 16, 32)
POOL = [Configuration({"batch_size": size}) for size in BATCHES]


class OneSecond:
    def predict(self, task, configurations, fidelities):
        return np.ones(len(configurations))


def report(
    configuration: Configuration, seconds: float, start: int = 0, end: int = 1, status: Status = Status.OK
) -> Report:
    curve = LearningCurve([-1.0] * end, [1.0] * end)
    return Report(Trial(0, configuration, end, start), status, curve, seconds=seconds)


def factors(*reports: Report, pool: list[Configuration] = POOL) -> np.ndarray:
    local = MachineCorrection(TASK, pool, OneSecond())
    for one in reports:
        local.tell(one)
    return local.factors


def test_the_factor_is_the_median_ratio_of_trials_that_ended_well():
    assert factors().tolist() == [1.0] * 4
    found = factors(
        report(POOL[0], 2.0),
        report(POOL[0], 12.0, start=1, end=4),  # three slices
        report(POOL[0], 100.0),
        report(POOL[0], 9.0, status=Status.TIMED_OUT),
    )
    np.testing.assert_allclose(found, 4.0)


def test_where_only_steps_count_large_batches_come_to_be_cheap():
    """Four times the batch, a quarter of the time: the factor of what was not tried is between those that were."""
    few = factors(report(POOL[1], 8.0), report(POOL[3], 2.0))
    assert 8.0 > few[1] > few[2] > few[3] > 2.0
    assert few[0] > few[1]
    many = factors(*(report(one, 64.0 / size) for one, size in zip(POOL, BATCHES, strict=True) for _ in range(3)))
    assert few[0] / few[3] < many[0] / many[3] <= 8.0


def test_one_configuration_says_nothing_of_batches():
    assert len(set(factors(report(POOL[0], 2.0), report(POOL[0], 3.0)).tolist())) == 1


@pytest.mark.parametrize("value", [None, "large", 0])
def test_without_batch_sizes_it_is_one_factor(value):
    pool = [Configuration({"x": number} if value is None else {"x": number, "batch_size": value}) for number in (1, 2)]
    found = factors(report(pool[0], 2.0), report(pool[1], 8.0), pool=pool)
    np.testing.assert_allclose(found, 4.0)
