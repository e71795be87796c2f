"""Recorded steps, on a CPU with a recording that computes anew: the tensors that it reads and leaves are the same."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from foretune.finetuning import recorded
from foretune.finetuning.recorded import Recording, compute_gradients, gradients_of, padded, record
from foretune.finetuning.run import RunRequest
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import take_step
from foretune.types import Trial


@pytest.fixture
def prepared(tiny_model, tiny_data, configuration):
    def make(method="lora", **changes):
        torch.manual_seed(0)
        return prepare_run(RunRequest(Trial(0, configuration(method, **changes), 1), tiny_data, str(tiny_model), "cpu"))

    return make


def as_if_captured(run, inputs, labels) -> Recording:
    """A recording whose replay computes the same again, into the places where the first gradients are."""
    loss = compute_gradients(run, inputs, labels).clone()
    places = [(parameter, gradient.clone()) for parameter, gradient in gradients_of(run)]

    def replay() -> None:
        run.optimizer.zero_grad(set_to_none=True)
        loss.copy_(compute_gradients(run, inputs, labels))
        for parameter, place in places:
            place.copy_(parameter.grad)

    return Recording(replay, inputs, labels, loss, places)


@pytest.fixture
def recording(monkeypatch):
    monkeypatch.setattr(recorded, "captured", as_if_captured)
    monkeypatch.setattr(recorded, "_pays", lambda *_: True)


def trained(run) -> Mapping[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in run.adapted.trained.items()}


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [5, 2]], ids=["a whole batch", "a short batch"])
def test_a_recorded_step_trains_as_a_launched_one(prepared, recording, method, rows) -> None:
    changes = {"batch_size": 4} | ({"dropout": 0.0} if method == "lora" else {})
    launched, replayed = prepared(method, **changes), prepared(method, **changes)
    replayed = replace(replayed, recorded=record(replayed))
    losses = [float(take_step(run, np.array(rows))) for run in (launched, replayed) for _ in range(2)]
    assert losses[2:] == pytest.approx(losses[:2], rel=1e-4)
    assert losses[1] < losses[0]
    for name, value in trained(launched).items():
        torch.testing.assert_close(replayed.adapted.trained[name], value, rtol=1e-2, atol=1e-4)


def test_making_a_recording_moves_neither_weights_nor_random_numbers(prepared, recording) -> None:
    run = prepared("lora", dropout=0.3)
    before, state = trained(run), torch.get_rng_state()
    assert record(run) is not None
    assert all(torch.equal(run.adapted.trained[name], value) for name, value in before.items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not gradients_of(run)


def test_rows_are_filled_up_with_tokens_that_nothing_is_learned_from(tiny_data) -> None:
    tokens = tiny_data.train
    inputs, labels = padded(tokens, [3, 1], (4, int(tokens.lengths.max())))
    assert inputs[0, : tokens.lengths[3]].tolist() == tokens.input_ids[3].tolist()
    assert (labels >= 0).sum(axis=1).tolist() == [tokens.completion_lengths[3], tokens.completion_lengths[1], 0, 0]
    start = int(tokens.completion_starts[1])
    assert labels[1, start - 1] == tokens.input_ids[1][start]


def test_a_model_that_cannot_be_recorded_is_trained_launch_by_launch(prepared, monkeypatch) -> None:
    def refuses(*_):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(recorded, "_pays", lambda *_: True)
    monkeypatch.setattr(recorded, "captured", refuses)
    assert record(prepared()) is None


def test_a_run_on_a_cpu_is_not_recorded(prepared) -> None:
    assert record(prepared()) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_cuda_device_recorded_gradients_are_those_of_launched_kernels(
    tiny_model, tiny_data, configuration
) -> None:
    request = RunRequest(
        Trial(0, configuration("lora", dropout=0.0, batch_size=4), 1), tiny_data, str(tiny_model), "cuda"
    )
    torch.manual_seed(0)
    launched = prepare_run(request)
    torch.manual_seed(0)
    replayed = prepare_run(request)
    take = record(replayed)
    assert take is not None
    replayed = replace(replayed, recorded=take)
    losses = [float(take_step(run, np.array([1, 2, 3]))) for run in (launched, replayed) for _ in range(3)]
    assert losses[3:] == pytest.approx(losses[:3], rel=2e-2)
