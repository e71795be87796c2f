from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from foretune.finetuning.adapters import adapt
from foretune.finetuning.memory import Split
from foretune.finetuning.shape import shape_of_config
from foretune.recommendation.accelerators import find_accelerator
from foretune.recommendation.hardware import PlannedRun, Trainer, cost_terms, peak_memory_bytes, run_seconds
from foretune.recommendation.shape import ModelShape
from foretune.recommendation.workload import Workload
from foretune.types import Configuration

SHAPE = ModelShape(32, 4096, 14336, 4096, 1024, 128256, 2 * 128256 * 4096.0, 8.03e9)
CARD = find_accelerator("a100-80gb")
VALUES = {"method": "lora", "rank": 16, "target_modules": "all", "batch_size": 8, "epochs": 2, "dropout": 0.0}


def run(rows: int = 800, length: int = 500, validation: int = 0, **changes: object) -> PlannedRun:
    lengths = np.full(rows, length)
    configuration = Configuration({**VALUES, **changes})
    return PlannedRun(SHAPE, Workload(lengths, lengths // 5, validation), configuration)


def seconds(planned: PlannedRun, name: str = "a100-80gb") -> float:
    found = run_seconds(planned, find_accelerator(name))
    assert found is not None
    return found


def memory(planned: PlannedRun) -> float:
    found = peak_memory_bytes(planned)
    assert found is not None
    return found


def test_long_batches_take_four_operations_per_parameter_and_token_at_seven_tenths_of_the_peak():
    tokens = 2 * 800 * 500
    least = 4 * 7e9 * tokens / (0.7 * CARD.flops)
    assert least < seconds(run()) < 1.8 * least


def test_short_batches_take_what_it_takes_to_launch_kernels():
    planned = run(rows=800, length=2, batch_size=1, epochs=1)
    reading = 2 * 2 * SHAPE.parameters / CARD.bandwidth
    assert seconds(planned) == pytest.approx(800 * (32 * 1e-3 + reading), rel=0.15)


def test_seconds_grow_with_epochs_and_the_validation_after_every_slice():
    once = seconds(run(epochs=1))
    assert seconds(run(epochs=2)) == pytest.approx(2 * once)
    more = seconds(run(epochs=1, validation=100_000)) - once
    assert more == pytest.approx(8 * (2 * 7e9 * 100_000 / (0.7 * CARD.flops)), rel=0.5)


def test_faster_accelerators_take_less():
    taken = [seconds(run(), name) for name in ("t4", "rtx-4090", "a100-80gb", "h100")]
    assert taken == sorted(taken, reverse=True)
    assert seconds(run(), "h200") < seconds(run(), "h100")


def test_computing_activations_again_takes_half_as_long_again_and_less_memory():
    again = replace(run(), split=Split(checkpointing=True))
    assert 1.3 < seconds(again) / seconds(run()) < 1.5
    assert memory(again) < 0.7 * memory(run())


def test_micro_batches_launch_their_kernels_and_read_the_weights_each_and_compute_nothing_more():
    whole, parts = run(), replace(run(), split=Split(tokens=1_100))
    assert (parts.rows_at_once, parts.pieces) == (2, 4.0)
    steps = 2 * 800 / 8
    each = 32 * 1e-3 + 2 * 2 * SHAPE.parameters / CARD.bandwidth
    assert seconds(parts) - seconds(whole) == pytest.approx(3 * steps * each)
    assert memory(parts) == memory(run(batch_size=2))


def test_short_rows_are_computed_more_at_a_time():
    lengths = np.array([500] * 8 + [50] * 72)
    work = Workload(lengths, lengths // 5, 0)
    parts = PlannedRun(SHAPE, work, Configuration(VALUES), split=Split(tokens=1_000))
    assert parts.rows_at_once == 2
    assert parts.pieces == (9 * 1 + 1 * 4) / 10


def test_no_batch_has_more_rows_than_the_data():
    assert run(rows=3, batch_size=8).batch == 3
    assert memory(run(rows=3, batch_size=8)) == memory(run(rows=3, batch_size=3))


def test_memory_is_weights_adapter_activations_and_logits():
    small = run(length=5, batch_size=1)
    assert memory(small) == pytest.approx(2 * 8.03e9 + 16 * small.trained_parameters + 0.5 * 2**30, rel=0.01)
    assert memory(run(batch_size=16)) - memory(run(batch_size=8)) == pytest.approx(
        memory(run(batch_size=24)) - memory(run(batch_size=16))
    )
    assert memory(run(rank=32)) - memory(run(rank=16)) == pytest.approx(16 * small.trained_parameters)


def test_adapter_parameters_are_counted_as_peft_counts_them():
    """lora--llama-3.2-3B-rank32 of PEFT's comparison has 9,175,040."""
    shape = ModelShape(28, 3072, 8192, 3072, 1024, 128256, 128256 * 3072.0, 3.2e9)
    values = {**VALUES, "rank": 32, "target_modules": "q_proj+v_proj"}
    assert PlannedRun(shape, run().workload, Configuration(values)).trained_parameters == 9_175_040


def test_four_bits_need_a_third_and_unpack_all_weights_of_the_layers_in_each_pass():
    small = {"length": 5, "batch_size": 1}
    assert memory(run(**small, method="qlora")) < 0.45 * memory(run(**small))
    packed = SHAPE.parameters - SHAPE.embeddings
    unpacking = 2 * 8 * packed / CARD.bandwidth
    narrow = replace(run(method="qlora"), trainer=Trainer(wide=False))
    assert seconds(narrow) - seconds(run()) == pytest.approx(2 * 100 * unpacking)
    again = [replace(one, split=Split(checkpointing=True)) for one in (narrow, run())]
    assert seconds(again[0]) - seconds(again[1]) == pytest.approx(2 * 100 * 1.5 * unpacking)


def test_full_finetuning_multiplies_with_all_weights_once_more_and_not_with_an_adapter():
    full, adapted = (float(cost_terms(planned, CARD)[0]) for planned in (run(method="full"), run()))
    tokens, weights = 2 * 800 * 500, SHAPE.layers * SHAPE.layer_parameters
    assert full - adapted == pytest.approx(2 * tokens * (weights - 3 * run().trained_parameters) / CARD.flops)


def test_full_finetuning_reads_and_writes_what_adam_keeps_once_in_a_step():
    first, second = (seconds(run(method="full", length=2, epochs=epochs)) for epochs in (1, 2))
    least = 100 * (2 * 16 - 4) * SHAPE.parameters / CARD.bandwidth
    assert least < second - first < least + 100 * 0.1


@pytest.mark.parametrize(("half", "least"), [(False, 22), (True, 10)])
def test_full_finetuning_peaks_in_the_step_of_the_optimizer_or_at_the_loss(half, least):
    """10 bytes a parameter in bfloat16 is what runs of 4 and 8 rows of Mistral-7B on an A100 took."""
    planned = replace(run(method="full", batch_size=1), trainer=Trainer(half=half))
    assert memory(planned) == pytest.approx(least * SHAPE.parameters + 0.5 * 2**30)
    long = replace(planned, configuration=run(method="full", batch_size=64).configuration)
    gradients = (2 if half else 4) * SHAPE.parameters
    other = replace(long, configuration=run(method="full", batch_size=32).configuration)
    assert memory(long) > least * SHAPE.parameters
    assert memory(replace(long, split=Split(tokens=32 * 500))) - memory(other) == pytest.approx(gradients)


def test_devices_share_weights_gradients_and_moments():
    whole = run(length=5, batch_size=1)
    shared = replace(whole, trainer=Trainer(devices=4))
    fixed = memory(run(length=5, batch_size=1, rank=16)) - 0.5 * 2**30
    assert memory(whole) - memory(shared) == pytest.approx(0.75 * fixed, rel=0.01)


def test_with_checkpointing_the_larger_of_logits_and_a_layer_counts():
    again = replace(run(batch_size=8), split=Split(checkpointing=True))
    fused = replace(again, trainer=Trainer(logit_bytes=0.0))
    inputs, layer = 2 * 4096 * 32, 8 * 4096 + 4 * (4096 + 1024) + 6 * 14336 + 2 * (5 * 4096 + 4096 + 14336)
    fixed = 2 * SHAPE.parameters + 16 * again.trained_parameters + 0.5 * 2**30
    assert memory(fused) == pytest.approx(fixed + 8 * 500 * (inputs + 1.5 * layer))
    assert memory(again) == pytest.approx(fixed + 8 * 500 * inputs + max(8 * 500 * 1.5 * layer, 800 * 16 * 128256))


def test_hidden_states_are_float32_where_weights_are_in_four_bits():
    again = replace(run(method="qlora"), split=Split(checkpointing=True))
    known, narrow = (memory(replace(again, trainer=Trainer(wide=wide, logit_bytes=0.0))) for wide in (True, False))
    assert known - narrow == pytest.approx(8 * 500 * (2 * 4096 * 32 + 1.5 * 6 * 14336))


def test_hidden_states_in_float32_are_twice_the_bytes_to_move():
    known, narrow = run(method="qlora"), replace(run(method="qlora"), trainer=Trainer(wide=False))
    logits = 2 * 40 * 128256 * 800 * 100 / CARD.bandwidth
    moved = [float(cost_terms(one, CARD)[1]) for one in (known, narrow)]
    assert moved[0] - logits == pytest.approx(2 * (moved[1] - logits))
    assert [*cost_terms(known, CARD)[[0, 2, 3, 4]]] == [*cost_terms(narrow, CARD)[[0, 2, 3, 4]]]


def test_nothing_is_said_of_methods_without_two_small_matrices():
    planned = run(method="ia3")
    assert peak_memory_bytes(planned) is None
    assert run_seconds(planned, CARD) is None


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("targets", ["attention", "all"])
def test_what_a_layer_keeps_is_what_autograd_saves(targets, autocast):
    """Dropout aside, whose mask takes four bytes on a CPU and one on an accelerator."""
    values = {**VALUES, "rank": 2, "alpha_over_rank": 1.0, "target_modules": targets, "batch_size": 4}
    saved = [_saved_per_token(layers, values, autocast=autocast) for layers in (2, 4)]
    workload = Workload(np.full(4, 64), np.full(4, 1), 0)
    planned = [
        PlannedRun(
            shape_of_config(_config(layers)), workload, Configuration(values), trainer=Trainer(autocast=autocast)
        )
        for layers in (2, 4)
    ]
    fixed = [2 * one.shape.parameters + 16 * one.trained_parameters for one in planned]
    kept = [(memory(one) - other) / 256 for one, other in zip(planned, fixed, strict=True)]
    assert saved[1] - saved[0] == pytest.approx(kept[1] - kept[0], rel=0.04)


def _config(layers: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=50,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=layers,
        num_attention_heads=8,
        num_key_value_heads=2,
    )


def _saved_per_token(layers: int, values: dict[str, object], *, autocast: bool) -> float:
    """Bytes that a forward pass over 256 tokens leaves for the backward pass, parameters aside."""
    model = LlamaForCausalLM(_config(layers)).to(torch.bfloat16).requires_grad_(False)
    adapted = adapt(model, Configuration(values), name="x").model.train()
    known = {value.untyped_storage().data_ptr() for value in (*adapted.parameters(), *adapted.buffers())}
    storages: dict[int, torch.Tensor] = {}

    def pack(value: torch.Tensor) -> torch.Tensor:
        # Copies of parameters that autocast makes are no activations: they have no dimension of tokens.
        if value.untyped_storage().data_ptr() not in known and (value.shape[0] == 256 or value.shape[0] == 4):
            storages[value.untyped_storage().data_ptr()] = value
        return value

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value),
        torch.autocast("cpu", torch.bfloat16, enabled=autocast),
    ):
        adapted(input_ids=torch.arange(256).reshape(4, 64) % 50, use_cache=False, logits_to_keep=1)
    return sum(value.untyped_storage().nbytes() for value in storages.values()) / 256
