"""Timing a few steps: of which configurations, and that it says something about slices."""

from __future__ import annotations

import math

import pytest
import torch

from foretune.finetuning import pace
from foretune.finetuning.evaluate import zero_shot
from foretune.finetuning.model import load_model
from foretune.finetuning.optim import SLICES, plan
from foretune.finetuning.pace import (
    CHEAP_SECONDS,
    SHARE,
    STEPS,
    Effort,
    affordable_rows,
    evaluation_seconds,
    measure_effort,
    rows_within,
    time_training,
    timed,
    timed_zero_shot,
    validation_rows,
)


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


@pytest.fixture
def slow_rows(monkeypatch, clock):
    """Evaluation takes two seconds a row, and a step one second."""
    scored: list[int] = []

    def evaluate(model, tokens, *, rows):
        clock[0] += 2.0 * len(rows)
        scored.append(len(rows))

    monkeypatch.setattr(pace, "evaluate", evaluate)
    return scored


def test_the_scores_are_those_of_the_untouched_model(tiny_model, tiny_data):
    scores, seconds = timed_zero_shot(load_model(tiny_model), tiny_data)
    assert scores == zero_shot(load_model(tiny_model), tiny_data)
    assert seconds > 0
    assert list(timed_zero_shot(load_model(tiny_model), tiny_data, test=False)[0]) == ["validation"]


def test_larger_batches_are_timed_where_there_are_as_many_rows(configuration):
    small = configuration("lora", batch_size=4)
    assert timed(small, rows=15) == [small]
    assert timed(small, rows=16) == [small, configuration("lora", batch_size=16)]


def test_training_a_slice_takes_its_steps(tiny_model, tiny_data, configuration, clock):
    small = configuration("lora", batch_size=4)
    found = time_training(load_model(tiny_model), str(tiny_model), tiny_data, small, "cpu")
    rows = len(tiny_data.train)
    assert found == {one: plan(one, rows).steps / SLICES for one in timed(small, rows)}
    assert len(found) == 2
    assert clock[0] == 2 * STEPS


def test_larger_batches_are_not_timed_where_a_step_is_long(tiny_model, tiny_data, configuration, clock, monkeypatch):
    monkeypatch.setattr(pace, "_FILLED_SECONDS", 0.9)
    small = configuration("lora", batch_size=4)
    assert list(time_training(load_model(tiny_model), str(tiny_model), tiny_data, small, "cpu")) == [small]
    assert clock[0] == STEPS


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
    found = time_training(load_model(tiny_model), str(tiny_model), tiny_data, small, "cpu")
    assert list(found) == [small]
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in found.values())


def test_an_adapter_that_does_not_fit_leaves_nothing_timed_and_the_fewest_rows(
    tiny_model, tiny_data, configuration, monkeypatch, slow_rows
):
    def prepare(order, base, splitting=None):
        raise torch.OutOfMemoryError("too large")

    monkeypatch.setattr(pace, "prepare_run", prepare)
    monkeypatch.setattr(pace, "LEAST_ROWS", 2)
    found = measure_effort(load_model(tiny_model), str(tiny_model), tiny_data, configuration("lora"), "cpu", 0)
    assert found == Effort(2, {}, is_dear=True)


def test_other_errors_are_not_taken_for_a_lack_of_memory(tiny_model, tiny_data, configuration, monkeypatch):
    def step(run, batch):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(pace, "take_step", step)
    with pytest.raises(RuntimeError, match="shapes"):
        time_training(load_model(tiny_model), str(tiny_model), tiny_data, configuration("lora"), "cpu")


@pytest.mark.parametrize("rows", [60, 500, 20_000])
@pytest.mark.parametrize("training", [1e3, 2e4, 1e6])
def test_evaluation_takes_no_more_than_its_share_of_a_run(rows, training):
    chosen = validation_rows(rows, 2.0 * rows, training)

    def share(count):
        evaluating = SLICES * 2.0 * count
        return evaluating / (evaluating + training)

    assert share(chosen) <= SHARE + 1e-9 or chosen == 50
    assert chosen in {rows, 50} or share(chosen + 1) > SHARE


def test_the_rows_of_a_slow_model_by_hand():
    # 8 evaluations of 2 s a row may take half of 16,000 s of training: 500 rows; of 100 s: 3, and so the least
    assert validation_rows(1_000, 2_000.0, 16_000.0) == 500
    assert validation_rows(1_000, 2_000.0, 100.0) == 50
    assert validation_rows(30, 60.0, 100.0) == 30
    assert affordable_rows(1_000, 0.0, 1.0, 50) == 1_000


def test_cheap_evaluation_is_never_cut_whatever_its_share():
    assert validation_rows(500, CHEAP_SECONDS, 0.1) == 500
    assert validation_rows(500, CHEAP_SECONDS * 1.01, 0.1) == 50


def test_few_rows_tell_what_all_take(tiny_model, tiny_data, slow_rows):
    model = load_model(tiny_model)
    assert evaluation_seconds(model, tiny_data.train, 0) == pytest.approx(2.0 * len(tiny_data.train), rel=0.2)
    assert slow_rows == [1, 4]


def test_more_rows_are_timed_where_few_take_no_time(tiny_model, tiny_data, monkeypatch, clock):
    scored = []

    def evaluate(model, tokens, *, rows):
        clock[0] += 0.3 if len(rows) == 4 else 1e-3
        scored.append(len(rows))

    monkeypatch.setattr(pace, "evaluate", evaluate)
    monkeypatch.setattr(pace, "CHEAP_SECONDS", 0.1)
    assert evaluation_seconds(load_model(tiny_model), tiny_data.train, 0) == pytest.approx(1e-3 * 18 / 16, rel=0.2)
    assert scored == [1, 4, 16]


def test_a_cheap_model_is_left_as_it_is(tiny_model, tiny_data, configuration):
    model = load_model(tiny_model)
    before = {name: value.clone() for name, value in model.named_parameters()}
    assert measure_effort(model, str(tiny_model), tiny_data, configuration("lora"), "cpu", 0) == Effort()
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_a_dear_model_gets_the_rows_that_its_steps_allow(tiny_model, tiny_data, configuration, slow_rows, monkeypatch):
    monkeypatch.setattr(pace, "LEAST_ROWS", 1)
    chosen = configuration("lora", batch_size=4, epochs=20)
    found = measure_effort(load_model(tiny_model), str(tiny_model), tiny_data, chosen, "cpu", 0)
    steps = plan(chosen, len(tiny_data.train)).steps
    assert found.training[chosen] == pytest.approx(steps / SLICES)
    # steps take a second each, and eight evaluations of 2 s a row half of that: 100 / 2 / 8 / 2
    assert (steps, found.validation_rows, found.is_dear) == (100, 3, True)


def test_a_sample_of_rows_is_as_large_as_a_time_allows(tiny_model, tiny_data, slow_rows):
    model, split = load_model(tiny_model), tiny_data.train
    assert len(split) == 18
    assert rows_within(model, split, 1_000.0, 0, least=3).tolist() == list(range(18))
    some = rows_within(model, split, 20.0, 0, least=3)
    assert 8 <= len(some) <= 12  # of two seconds each
    assert len(rows_within(model, split, 0.1, 0, least=3)) == 3
    assert set(rows_within(model, split, 0.1, 0, least=3)) <= set(some.tolist())
    assert rows_within(model, split, 20.0, 1, least=3).tolist() != some.tolist()
