"""How a step is split by bytes and free memory: by hand, without a model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from foretune.finetuning import memory
from foretune.finetuning.memory import (
    WHOLE,
    Shortage,
    Split,
    Splitting,
    StepBytes,
    choose_split,
    finer,
    in_halves,
    lacks_memory,
    logit_bytes,
    micro_batches,
    usable_memory,
)

PLAIN, CHECKPOINTED = StepBytes(1_000.0, 100.0), StepBytes(1_000.0, 10.0)


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (math.inf, WHOLE),
        (1_000 + 100 * 800, WHOLE),
        (1_000 + 100 * 799, Split(799)),  # of 800 tokens
        (1_000 + 100 * 256, Split(256)),  # just enough to keep the hardware busy
        (1_000 + 100 * 255, Split(None, checkpointing=True)),  # which 2,550 tokens would fit with
        (1_000 + 10 * 300, Split(300, checkpointing=True)),
        (1_000 + 10 * 40, Split(50, checkpointing=True)),  # a row is the least, whether it fits or not
        (0, Split(50, checkpointing=True)),
        (-5_000, Split(50, checkpointing=True)),
    ],
)
def test_the_fastest_way_that_fits_is_chosen(free, expected) -> None:
    assert choose_split(PLAIN, CHECKPOINTED, free=free, whole=800, longest=50, filling=256) == expected


@pytest.mark.parametrize(("free", "expected"), [(1_000 + 100 * 255, Split(255)), (0, Split(50))])
def test_without_checkpointing_micro_batches_become_as_small_as_they_must(free, expected) -> None:
    assert choose_split(PLAIN, None, free=free, whole=800, longest=50, filling=256) == expected


def test_long_rows_are_not_taken_for_large_micro_batches() -> None:
    # 300 tokens keep the hardware busy, but a row of 400 does not fit without checkpointing
    free = 1_000 + 100 * 300
    assert choose_split(PLAIN, CHECKPOINTED, free=free, whole=800, longest=400, filling=256).checkpointing
    assert choose_split(PLAIN, CHECKPOINTED, free=free, whole=800, longest=300, filling=256) == Split(300)


def test_what_could_not_be_measured_does_not_fit() -> None:
    unknown = StepBytes(0.0, math.inf)
    assert unknown.tokens_within(math.inf) == 0.0
    assert choose_split(unknown, unknown, free=1e12, whole=800, longest=50, filling=256) == Split(50, True)


def test_the_ladder_after_memory_ran_out_ends_with_a_row_and_checkpointing() -> None:
    steps, split, shortage = [], WHOLE, Shortage(16, 1_600)
    while split := finer(split, shortage, filling=256, can_checkpoint=True):
        steps.append((split.tokens, split.checkpointing))
        rows = max(min(split.tokens // 100, 16), 1)
        shortage = Shortage(rows, 100 * rows)
    assert steps == [(800, False), (400, False), (400, True), (200, True), (100, True)]


def test_without_checkpointing_the_ladder_ends_with_a_row() -> None:
    assert finer(Split(200), Shortage(2, 200), filling=256, can_checkpoint=False) == Split(100)
    assert finer(Split(100), Shortage(1, 100), filling=256, can_checkpoint=False) is None


def test_a_single_long_row_that_fails_is_checkpointed_at_once() -> None:
    assert finer(Split(4_000), Shortage(1, 4_000), filling=256, can_checkpoint=True) == Split(4_000, True)


def test_micro_batches_hold_every_row_once_and_no_more_than_their_tokens() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 60, size=200)
    for tokens in (1, 59, 100, 1_000):
        rows = rng.choice(200, size=32, replace=False)
        parts = micro_batches(rows, lengths, tokens)
        assert sorted(np.concatenate(parts)) == sorted(rows)
        assert all(len(part) == 1 or len(part) * lengths[part].max() <= tokens for part in parts)
        ordered = np.concatenate(parts)
        assert (np.diff(lengths[ordered]) >= 0).all()
    by_hand = micro_batches(np.array([0, 1, 2, 3]), np.array([5, 2, 3, 2]), 6)
    assert [part.tolist() for part in by_hand] == [[1, 3], [2], [0]]


def test_a_batch_that_fits_is_left_in_its_order() -> None:
    rows, lengths = np.array([3, 1, 2]), np.array([9, 4, 2, 5])
    for tokens in (None, 15):
        (part,) = micro_batches(rows, lengths, tokens)
        assert part is rows
    assert len(micro_batches(rows, lengths, 14)) == 2


def test_what_is_left_is_halved_until_it_fits() -> None:
    tried: list[int] = []

    def compute(part: np.ndarray) -> int:
        tried.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return int(part.sum())

    found = list(in_halves([np.arange(2), np.arange(2, 10), np.arange(10, 18)], compute))
    assert [part.tolist() for part, _ in found] == [[0, 1], *[[row, row + 1] for row in range(2, 18, 2)]]
    assert [value for _, value in found] == [1, *[2 * row + 1 for row in range(2, 18, 2)]]
    assert tried == [2, 8, 4, *[2] * 8]  # the third part is not tried as it was


def test_a_row_that_does_not_fit_and_other_errors_are_passed_on() -> None:
    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(MemoryError):
        list(in_halves([np.arange(4)], lambda _: fail(MemoryError())))
    with pytest.raises(RuntimeError, match="shapes"):
        list(in_halves([np.arange(4)], lambda _: fail(RuntimeError("shapes differ"))))


@pytest.mark.parametrize(
    ("error", "lacking"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_which_errors_say_that_memory_ran_out(error, lacking) -> None:
    assert lacks_memory(error) is lacking


def test_a_share_of_the_free_memory_less_the_optimizers_is_used(monkeypatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: 1e9)
    assert usable_memory("cuda:1", 10_000_000) == 0.9e9 - 0.12e9  # a gradient and two moments of 4 bytes
    assert usable_memory("cpu", 10_000_000) == 0.35e9 - 0.12e9


def test_logits_by_hand() -> None:
    assert logit_bytes(50_000, 0.25) == 16 * 50_000 / 4


def test_a_splitting_comes_back_as_it_was() -> None:
    splitting = Splitting(Split(512, checkpointing=True), [3, 3, 17])
    assert Splitting.from_json(splitting.to_json()) == splitting
    assert splitting.to_json()["micro_batch_tokens"] == 512
