"""Timing a few steps: of which configurations, and that it says something about slices."""

from __future__ import annotations

import math

import pytest
import torch

from foretune.finetune import pace
from foretune.finetune.evaluate import zero_shot
from foretune.finetune.model import load_model
from foretune.finetune.optim import SLICES, plan
from foretune.finetune.pace import STEPS, time_slices, timed, timed_zero_shot


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second with every step."""
    now = [0.0]
    take = pace.take_step

    def step(run, batch):
        now[0] += 1.0
        return take(run, batch)

    monkeypatch.setattr(pace, "take_step", step)
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    return now


def test_the_scores_are_those_of_the_untouched_model(tiny_model, tiny_data):
    scores, seconds = timed_zero_shot(load_model(tiny_model), tiny_data)
    assert scores == zero_shot(load_model(tiny_model), tiny_data)
    assert seconds > 0


def test_larger_batches_are_timed_where_there_are_as_many_rows(configuration):
    small = configuration("lora", batch_size=4)
    assert timed(small, rows=15) == [small]
    assert timed(small, rows=16) == [small, configuration("lora", batch_size=16)]


def test_a_slice_takes_its_steps_and_its_evaluation(tiny_model, tiny_data, configuration, clock):
    small = configuration("lora", batch_size=4)
    found = time_slices(load_model(tiny_model), str(tiny_model), tiny_data, small, "cpu", 0.25)
    rows = len(tiny_data.train)
    assert found == {one: plan(one, rows).steps / SLICES + 0.25 for one in timed(small, rows)}
    assert len(found) == 2
    assert clock[0] == 2 * STEPS


@pytest.mark.parametrize(
    "shortage", [torch.OutOfMemoryError("too large"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_what_does_not_fit_into_memory_is_left_out(tiny_model, tiny_data, configuration, monkeypatch, shortage):
    small = configuration("lora", batch_size=4)
    take = pace.take_step

    def step(run, batch):
        if run.batch_size > 4:
            raise shortage
        return take(run, batch)

    monkeypatch.setattr(pace, "take_step", step)
    found = time_slices(load_model(tiny_model), str(tiny_model), tiny_data, small, "cpu", 0.0)
    assert list(found) == [small]
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in found.values())


def test_other_errors_are_not_taken_for_a_lack_of_memory(tiny_model, tiny_data, configuration, monkeypatch):
    def step(run, batch):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(pace, "take_step", step)
    with pytest.raises(RuntimeError, match="shapes"):
        time_slices(load_model(tiny_model), str(tiny_model), tiny_data, configuration("lora"), "cpu", 0.0)
