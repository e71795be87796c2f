"""Seconds of hardware that the surrogates have not seen, from what a few steps took there."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.surrogate.pace import paced
from foretune.types import Configuration

TASK = synthetic_table().task("task-0")
POOL = list(synthetic_table().configurations.values())[:6]
FIRST = np.ones(len(POOL), dtype=int)


def test_without_a_measurement_nothing_changes():
    surrogates = synthetic_surrogates()
    assert paced(surrogates, TASK, {}) is surrogates


def test_one_measurement_moves_all_seconds_by_its_factor():
    surrogates = synthetic_surrogates()
    before = surrogates.cost.predict(TASK, POOL, FIRST)
    after = paced(surrogates, TASK, {POOL[0]: float(before[0] / 40)}).cost.predict(TASK, POOL, FIRST)
    np.testing.assert_allclose(after, before / 40)


def test_two_measurements_tell_how_seconds_change_with_the_batch_size():
    """On hardware that takes as long for a step of 32 rows as for one of 8, larger batches come out cheaper."""
    surrogates = synthetic_surrogates()
    small, large = (Configuration({**POOL[0].values, "batch_size": size}) for size in (8, 32))
    before = surrogates.cost.predict(TASK, [small, large], FIRST[:2])
    cost = paced(surrogates, TASK, {small: float(before[0]), large: float(before[1] / 4)}).cost
    one, four = np.log(cost.predict(TASK, [small, large], FIRST[:2]) / before)
    assert one > four
    # The prior takes back a third of the slope of -1, and the mean of both measurements is kept.
    assert (four - one) / np.log(4) == pytest.approx(-0.68, abs=0.02)
    assert (one + four) / 2 == pytest.approx(-np.log(4) / 2)
