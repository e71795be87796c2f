from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foretune.finetuning.memory import WHOLE, Split
from foretune.recommendation.hardware import PlannedRun, peak_memory_bytes
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.split import AtOnce, at_once, fitted, smallest
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

SHAPE = ModelShape(32, 4096, 14336, 4096, 1024, 128256, 2 * 128256 * 4096.0, 8.03e9)
VALUES = {"method": "lora", "rank": 16, "target_modules": "all", "batch_size": 8, "epochs": 2, "dropout": 0.0}


def run(length: int = 500, **changes: object) -> PlannedRun:
    lengths = np.full(800, length)
    return PlannedRun(SHAPE, Workload(lengths, lengths // 5, 0), Configuration({**VALUES, **changes}))


@pytest.mark.parametrize(
    ("gigabytes", "words"),
    [
        (80, "whole batch"),
        (32, "3 rows"),
        (24, "whole batch, checkpointing"),
        (20, "7 rows, checkpointing"),
        (18, "1 row, checkpointing"),
        (17, None),
    ],
)
def test_the_smaller_the_memory_the_less_is_computed_at_once(gigabytes, words):
    found = fitted(run(), gigabytes * 1e9)
    assert (found and str(at_once(found))) == words


def test_what_is_planned_fits_and_a_row_more_would_fill_the_memory():
    for gigabytes in (19, 20, 22, 24, 28, 32, 40):
        found = fitted(run(), gigabytes * 1e9)
        assert found is not None
        assert peak_memory_bytes(found) <= gigabytes * 1e9
        if found.split != WHOLE and found.rows_at_once < 8:
            more = replace(found, split=replace(found.split, tokens=(found.rows_at_once + 1) * 500))
            assert peak_memory_bytes(more) > 0.9 * gigabytes * 1e9


def test_a_share_of_what_the_weights_leave_stays_free():
    planned = run()
    needed = peak_memory_bytes(replace(planned, split=Split(checkpointing=True)))
    rest = needed - peak_memory_bytes(run(length=1, batch_size=1))
    assert at_once(fitted(planned, needed + 0.15 * rest)).rows == 8
    assert at_once(fitted(planned, needed + 0.05 * rest)).rows < 8


def test_micro_batches_that_would_leave_the_hardware_idle_are_not_preferred_to_checkpointing():
    memory = peak_memory_bytes(run(length=100, batch_size=8)) + 1e9
    found = fitted(run(length=100, batch_size=32), memory)
    assert found.split.checkpointing
    assert (
        fitted(run(length=500, batch_size=32), peak_memory_bytes(run(batch_size=3)) + 1e9).split.checkpointing is False
    )


def test_the_step_of_the_optimizer_has_to_fit_as_well():
    planned = run(length=5, batch_size=1, method="full")
    needed = peak_memory_bytes(planned)
    assert needed == pytest.approx(22 * SHAPE.parameters + 0.5 * 2**30)
    assert fitted(planned, 0.99 * needed) is None
    assert fitted(planned, 1.2 * needed).split == WHOLE


def test_methods_of_unknown_memory_stay_as_they_are():
    planned = run(method="ia3")
    assert fitted(planned, 1e9) is planned


def test_the_least_memory_is_that_of_a_row_with_checkpointing():
    assert at_once(smallest(run())) == AtOnce(1, 8, checkpointing=True)
    assert peak_memory_bytes(smallest(run())) == peak_memory_bytes(
        replace(run(batch_size=1), split=Split(checkpointing=True))
    )


@pytest.mark.parametrize(("rows", "size", "steps"), [(8, 8, 1), (7, 4, 2), (3, 2, 4), (1, 1, 8)])
def test_other_trainers_get_sizes_that_divide_the_batch(rows, size, steps):
    assert AtOnce(rows, 8, checkpointing=rows < 3).to_trainer() == {
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": steps,
        "gradient_checkpointing": rows < 3,
    }
