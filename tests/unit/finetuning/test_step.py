"""A step in micro-batches, with checkpointing, and where memory runs out: always the same step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_architectures import VOCABULARY, tiny_config
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM, PreTrainedModel

from foretune.finetuning import slices, step
from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.finetuning.memory import WHOLE, Split, Splitting
from foretune.finetuning.model import load_model
from foretune.finetuning.run import RunRequest, TrainingRun
from foretune.finetuning.slices import prepare_run
from foretune.finetuning.step import resized, take_step
from foretune.finetuning.train import finetune
from foretune.types import Status, Trial

ARCHITECTURES = ("llama", "gpt2", "mamba", "qwen3_moe")
NO_DROPOUT = {"gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}}
"""Of the base model, which is trained with it."""


def tokens(rows: int, seed: int) -> Tokens:
    """Rows of 4 to 24 tokens, of which any share is predicted."""
    rng = np.random.default_rng(seed)
    ids = tuple(rng.integers(1, VOCABULARY, size=rng.integers(4, 25)).astype(np.int32) for _ in range(rows))
    return Tokens(ids, np.array([rng.integers(1, len(one)) for one in ids]))


DATA = TokenizedSplits("random", tokens(16, 0), tokens(4, 1), tokens(4, 2))


def untrained(kind: str, **changes: float) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(tiny_config(kind, **changes))
    model.requires_grad_(False)
    return model.eval()


@pytest.fixture
def exact(monkeypatch) -> None:
    """Without products in bfloat16, which round the same number up here and down there."""
    monkeypatch.setattr(slices, "use_fast_layers", lambda _: None)


@pytest.fixture
def prepared(configuration) -> Callable[..., TrainingRun]:
    """A run of a method on an untrained model, always with the same initial values."""

    def prepare(method: str, base: PreTrainedModel, data: TokenizedSplits = DATA, **changes) -> TrainingRun:
        request = RunRequest(
            trial=Trial(0, configuration(method, **{"batch_size": 8} | changes), 1),
            data=data,
            model="untrained",
            directory=Path(),
            seed=0,
            device="cpu",
            test=False,
            timeout_seconds=math.inf,
            deadline=math.inf,
            keep_state=False,
            seconds=time.perf_counter,
            fingerprint={},
        )
        torch.manual_seed(1)
        return prepare_run(request, base)

    return prepare


def gradients(run: TrainingRun, split: Split, rows: np.ndarray) -> dict[str, torch.Tensor]:
    """Of each trained parameter that has any, and the loss."""
    torch.manual_seed(2)
    run.splitting.split = split
    loss = step._accumulated(run, rows)
    assert isinstance(loss, torch.Tensor)
    found = {name: one.grad.clone() for name, one in run.adapted.trained.items() if one.grad is not None}
    run.optimizer.zero_grad(set_to_none=True)
    return {**found, "loss": loss}


def moved(run: TrainingRun) -> None:
    """Take the trained parameters away from initial values where half of the gradients are zero."""
    torch.manual_seed(3)
    with torch.no_grad():
        for one in run.adapted.trained.values():
            one.add_(0.05 * torch.randn_like(one))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_gradients_of_micro_batches_add_up_to_those_of_the_whole_batch(prepared, kind, method) -> None:
    base, rows = untrained(kind, **NO_DROPOUT.get(kind, {})), np.arange(8)
    run = prepared(method, base, **({} if method == "full" else {"dropout": 0.0}))
    moved(run)
    whole = gradients(run, WHOLE, rows)
    assert len(whole) > 3
    for split in (Split(48), Split(1), Split(48, checkpointing=True)):
        parts = gradients(run, split, rows)
        assert parts.keys() == whole.keys()
        for name, value in whole.items():
            assert torch.allclose(parts[name], value, rtol=1e-4, atol=1e-6 * float(value.abs().max()) + 1e-9), name


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "full"])
def test_steps_in_micro_batches_lead_to_the_same_parameters(prepared, method) -> None:
    def trained(split: Split, steps: int = 3) -> torch.Tensor:
        run = prepared(method, untrained("llama"), **({"dropout": 0.0} if method in {"lora", "dora"} else {}))
        moved(run)
        run.splitting.split = split
        for at in range(steps):
            take_step(run, np.arange(16)[at % 2 :: 2], at)
        return torch.cat([one.detach().flatten() for one in run.adapted.trained.values()])

    whole, parts = trained(WHOLE), trained(Split(48))
    way = float((whole - trained(WHOLE, 0)).norm())
    assert way > 0.1
    assert float((parts - whole).norm()) < 1e-3 * way  # Adam makes much of gradients that are zero but for rounding


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_checkpointing_changes_no_bit_even_with_dropout(prepared, kind) -> None:
    run, rows = prepared("lora", untrained(kind), dropout=0.3), np.arange(8)
    moved(run)
    plain, again = gradients(run, WHOLE, rows), gradients(run, WHOLE, rows)
    checkpointed = gradients(run, Split(None, checkpointing=True), rows)
    assert plain.keys() == checkpointed.keys()
    assert all(torch.equal(again[name], value) for name, value in plain.items())
    assert all(torch.equal(checkpointed[name], value) for name, value in plain.items())


def test_checkpointing_is_off_outside_of_steps(prepared) -> None:
    base = untrained("llama")
    run = prepared("lora", base)
    gradients(run, Split(None, checkpointing=True), np.arange(8))
    assert not any(getattr(module, "gradient_checkpointing", False) for module in base.modules())
    assert not base.get_input_embeddings()._forward_hooks


@pytest.mark.usefixtures("exact")
def test_adapters_on_weights_in_bfloat16_are_trained_in_float32(prepared) -> None:
    base = untrained("llama").bfloat16()
    run = prepared("lora", base, dropout=0.0)
    moved(run)
    assert {one.dtype for one in run.adapted.trained.values()} == {torch.float32}
    assert base.lm_head.weight.dtype is torch.bfloat16
    whole, parts = gradients(run, WHOLE, np.arange(8)), gradients(run, Split(1), np.arange(8))
    assert {one.dtype for one in parts.values()} == {torch.float32}
    # Eight gradients that were added up in bfloat16 would be off by 2^-9 of each sum, and have no more bits than that.
    assert any((one != one.bfloat16().float()).any() for one in parts.values())
    assert all(
        torch.allclose(parts[name], value, rtol=0.1, atol=0.05 * float(value.abs().max()))
        for name, value in whole.items()
    )


@contextmanager
def memory_of(size: int, monkeypatch: pytest.MonkeyPatch) -> Generator[list[int]]:
    """Inside, a forward pass that keeps more bytes fails as on an accelerator; tells how many failed."""
    compute, failed = step.batch_loss, []

    def limited(run, batch, predicted=None):
        held: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            if sum(held.values()) > size:
                failed.append(batch.tokens)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.\nMore about it.")
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            return compute(run, batch, predicted)

    with monkeypatch.context() as patch:
        patch.setattr(step, "batch_loss", limited)
        yield failed


@pytest.fixture
def kept(tiny_model, tiny_data, prepared) -> tuple[int, int]:
    """Bytes that a batch of 4 rows and a single row keep, weights included."""
    run = prepared("lora", load_model(tiny_model), tiny_data, batch_size=4, dropout=0.0)
    longest = np.argsort(run.lengths)

    def held(rows: np.ndarray) -> int:
        found: dict[int, int] = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            step._accumulated(run, rows)
        return sum(found.values())

    return held(longest[:4]), held(longest[-1:])


@pytest.fixture
def start(tiny_model, tiny_data, configuration, monkeypatch):
    """A run that believes that everything fits."""
    monkeypatch.setattr(step, "FILLING_TOKENS", {"cpu": 1})
    monkeypatch.setattr(slices, "chosen_split", lambda _: WHOLE)

    def run(directory: Path, fidelity: int = 3, resumes_from: int = 0, **changes):
        trial = Trial(0, configuration("lora", **changes), fidelity, resumes_from)
        return finetune(trial, tiny_data, str(tiny_model), directory)

    return run


def record(directory: Path) -> tuple[int | None, bool, list[int]]:
    found = json.loads((directory / "run.json").read_text())
    return found["micro_batch_tokens"], found["gradient_checkpointing"], found["out_of_memory_steps"]


def test_a_run_that_is_short_of_memory_goes_on_in_micro_batches(start, tmp_path, kept, monkeypatch) -> None:
    whole = start(tmp_path / "whole", dropout=0.0)
    assert record(tmp_path / "whole") == (None, False, [])
    with memory_of((kept[0] + kept[1]) // 2, monkeypatch) as failed:
        split = start(tmp_path / "split", dropout=0.0)
    assert (split.status, split.message) == (Status.OK, "")
    assert failed
    tokens, checkpointing, steps = record(tmp_path / "split")
    assert tokens == failed[-1] // 2
    assert not checkpointing
    assert len(steps) == len(failed)
    assert steps[0] == 0
    assert np.allclose(split.curve.scores, whole.curve.scores, rtol=1e-4)


def test_a_step_that_is_computed_again_is_the_same_as_one_that_never_failed(start, tmp_path, kept, monkeypatch) -> None:
    with memory_of((kept[0] + kept[1]) // 2, monkeypatch) as failed:
        start(tmp_path / "failed", 1)
    tokens, _, steps = record(tmp_path / "failed")
    assert set(steps) == {0}
    monkeypatch.setattr(slices, "chosen_split", lambda _: Split(tokens))
    at_once = start(tmp_path / "at once", 1)
    assert failed
    assert record(tmp_path / "at once") == (tokens, False, [])
    assert at_once.curve.scores.tolist() == start(tmp_path / "failed", 1).curve.scores.tolist()


def test_a_resumed_run_keeps_its_split(start, tmp_path, kept, monkeypatch) -> None:
    limit = (kept[0] + kept[1]) // 2
    with memory_of(limit, monkeypatch):
        start(tmp_path / "whole", 4)
        start(tmp_path / "pieces", 2)
        monkeypatch.setattr(slices, "chosen_split", None)
        resumed = start(tmp_path / "pieces", 4, 2)
    assert resumed.status is Status.OK
    assert record(tmp_path / "pieces") == record(tmp_path / "whole")
    lines = [(tmp_path / name / "slices.jsonl").read_text().splitlines() for name in ("whole", "pieces")]
    assert [json.loads(one)["validation_nll"] for one in lines[0]] == [
        json.loads(one)["validation_nll"] for one in lines[1]
    ]


def test_checkpointing_comes_before_the_end(start, tmp_path, kept, monkeypatch) -> None:
    whole = start(tmp_path / "whole", dropout=0.0)
    with memory_of(kept[1] - 1, monkeypatch):
        run = start(tmp_path / "run", dropout=0.0)
    assert run.status is Status.OK
    assert record(tmp_path / "run")[1]
    assert np.allclose(run.curve.scores, whole.curve.scores, rtol=1e-4)


def test_only_a_row_that_does_not_fit_with_checkpointing_ends_a_run(start, tmp_path, monkeypatch) -> None:
    start(tmp_path, 1)
    with memory_of(1_000, monkeypatch):
        report = start(tmp_path, 3, 1)
    assert report.status is Status.OUT_OF_MEMORY
    assert report.message.startswith("memory ran out at step 1 with one row of ")
    assert report.message.endswith(
        " tokens at a time, with gradient checkpointing (CUDA out of memory. Tried to allocate 2.00 MiB.); "
        "shorter rows (max_length), a lower rank or a smaller model need less"
    )
    assert len(report.curve) == 1


def test_an_architecture_without_checkpointing_says_so(start, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(step, "can_checkpoint", lambda _: False)
    with memory_of(1_000, monkeypatch):
        report = start(tmp_path)
    assert "tokens at a time, and this architecture has no gradient checkpointing (" in report.message


@pytest.mark.parametrize(
    ("free", "expected"),
    [(1e12, WHOLE), (0.0, Split(23, checkpointing=True))],
)
def test_the_split_follows_from_free_memory(prepared, monkeypatch, free, expected) -> None:
    monkeypatch.setattr(step, "usable_memory", lambda *_: free)
    run = prepared("lora", untrained("llama"))
    assert run.lengths.max() == 23
    assert run.splitting == Splitting(expected)


def test_larger_batches_are_split_where_smaller_ones_are_not(prepared, monkeypatch) -> None:
    monkeypatch.setattr(step, "FILLING_TOKENS", {"cpu": 1})
    run = prepared("lora", untrained("llama"), batch_size=4)
    assert run.splitting.split == WHOLE
    needed = step.measure(run.model, lambda batch: step.batch_loss(run, batch), torch.arange(1, 24), logits=16 * 64)
    monkeypatch.setattr(step, "usable_memory", lambda *_: needed.fixed + needed.token * 23 * 6)
    assert resized(run, 4).splitting.split == WHOLE
    assert resized(run, 16).batch_size == 16
    assert resized(run, 16).splitting.split.tokens == pytest.approx(23 * 6, rel=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_cuda_device_a_run_completes_in_little_memory(tiny_model, tiny_data, configuration, tmp_path) -> None:
    trial = Trial(0, configuration("lora", dropout=0.0, batch_size=16), 3)

    def curve(directory: Path) -> np.ndarray:
        report = finetune(trial, tiny_data, str(tiny_model), directory, device="cuda")
        assert (report.status, report.message) == (Status.OK, "")
        return report.curve.scores

    whole = curve(tmp_path / "whole")
    assert record(tmp_path / "whole") == (None, False, [])
    total = torch.cuda.get_device_properties(0).total_memory
    held = torch.cuda.memory_allocated()
    try:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((held + 6 * 2**20) / total)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(slices, "chosen_split", lambda _: WHOLE)
            split = curve(tmp_path / "split")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert record(tmp_path / "split")[2]
    assert np.allclose(split, whole, rtol=0.02)  # in bfloat16
