"""How the gradients of a step are computed in the available memory: whole, in micro-batches, or with checkpointing.

The activations that a forward pass keeps grow with the tokens, padding included. A batch that does not fit is computed
in micro-batches, whose gradients add up to those of the whole batch. If these would be too small to keep the hardware
busy, gradient checkpointing keeps only the inputs of each layer and computes the rest again, which costs another third.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch

from foretune.finetuning.free_memory import free_memory

_Result = TypeVar("_Result")

FILLING_TOKENS = {"accelerator": 1_024, "cpu": 128}
"""Padded tokens of a micro-batch that keep the hardware busy. An accelerator does about 300 operations in bfloat16
while it reads a byte. So reading the weights takes a third of the time of multiplying 1,024 tokens with them. Kernels
of fewer tokens are also shorter than their launch. A core has less to wait for: 128 rows of a matrix product are close
to its peak."""

USABLE = {"accelerator": 0.9, "cpu": 0.35}
"""Share of free memory that is planned with. On an accelerator a step that does not fit fails and is computed again. A
CPU's memory is shared with other programs, and a process that takes too much is killed. There the allocator's reserve
makes steps 1.3 to 2.1 times as large as predicted, and small steps with checkpointing up to 5.6 times
(`benchmarks/step_memory.py`)."""
_TRAINED_BYTES = 12
"""Of a trained parameter, beside itself: its gradient and Adam's two moments, in float32."""
_LOGIT_BYTES = 16
"""Of a logit in float32 at the peak: itself, its log-probability, and the gradients of both."""


@dataclass(frozen=True)
class Split:
    """How the gradients of a step are computed.

    Attributes:
        tokens: padded tokens of a micro-batch at most, though one row at least; None for whole batches.
        checkpointing: whether activations inside layers are computed again in the backward pass instead of being kept.
    """

    tokens: int | None = None
    checkpointing: bool = False


WHOLE = Split()


@dataclass
class Splitting:
    """How the steps of a run are split by now.

    Attributes:
        split: of the next step.
        shortages: the steps at which memory ran out and the split became finer, in order.
    """

    split: Split = WHOLE
    shortages: list[int] = field(default_factory=list[int])

    def to_json(self) -> dict[str, Any]:
        """As in `run.json`."""
        return {
            "micro_batch_tokens": self.split.tokens,
            "gradient_checkpointing": self.split.checkpointing,
            "out_of_memory_steps": list(self.shortages),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Splitting:
        """Undo `to_json`; KeyError if something is missing."""
        split = Split(values["micro_batch_tokens"], bool(values["gradient_checkpointing"]))
        return Splitting(split, list(values["out_of_memory_steps"]))


@dataclass(frozen=True)
class Shortage:
    """A micro-batch that did not fit.

    Attributes:
        rows: how many.
        tokens: of them, padding included.
        message: of the allocator.
    """

    rows: int
    tokens: int
    message: str = ""


@dataclass(frozen=True)
class StepBytes:
    """Peak bytes of computing gradients, beside weights and optimizer.

    Attributes:
        fixed: bytes, whatever the number of tokens.
        token: bytes of each padded token.
    """

    fixed: float
    token: float

    def tokens_within(self, free: float) -> float:
        """Padded tokens that fit into so many bytes."""
        return max(free - self.fixed, 0.0) / self.token if math.isfinite(self.token) else 0.0


def device_kind(device: str) -> str:
    """Under which a device stands in `FILLING_TOKENS`."""
    return "cpu" if device.startswith("cpu") else "accelerator"


def choose_split(
    plain: StepBytes, checkpointed: StepBytes | None, *, free: float, whole: int, longest: int, filling: int
) -> Split:
    """The fastest way that fits.

    The whole batch, if it fits; else micro-batches, as long as they are large enough to keep the hardware busy; else
    checkpointing and micro-batches as large as fit; a single row at a time in the end, whether it fits or not.

    Args:
        plain: bytes of a step.
        checkpointed: the same with gradient checkpointing; None where the architecture has none.
        free: bytes that may be used.
        whole: padded tokens of the largest batch.
        longest: tokens of the longest row.
        filling: padded tokens that keep the hardware busy, see `FILLING_TOKENS`.
    """
    fitting = plain.tokens_within(free)
    if whole <= fitting:
        return WHOLE
    if checkpointed is None or fitting >= max(filling, longest):
        return Split(max(int(fitting), longest))
    fitting = checkpointed.tokens_within(free)
    return Split(None if whole <= fitting else max(int(fitting), longest), checkpointing=True)


def finer(split: Split, shortage: Shortage, *, filling: int, can_checkpoint: bool) -> Split | None:
    """The next split to try after memory ran out.

    Half of the failed micro-batch, as long as that keeps the hardware busy; then checkpointing; then half again.

    Args:
        split: that was used.
        shortage: micro-batch that did not fit.
        filling: padded tokens that keep the hardware busy.
        can_checkpoint: whether the architecture has gradient checkpointing.

    Returns:
        None if nothing is left.
    """
    half, able = shortage.tokens // 2, can_checkpoint and not split.checkpointing
    if shortage.rows > 1 and (half >= filling or not able):
        return replace(split, tokens=half)
    return Split(max(shortage.tokens, filling), checkpointing=True) if able else None


def micro_batches(rows: np.ndarray, lengths: np.ndarray, tokens: int | None) -> list[np.ndarray]:
    """A batch's rows in groups of so many padded tokens at most, or of a single row; as it is if it has no more.

    Args:
        rows: numbers of the batch's rows.
        lengths: (all rows,) tokens of each row.
        tokens: at most; None for no limit.
    """
    if tokens is None or len(rows) * int(lengths[rows].max()) <= tokens:
        return [rows]
    groups: list[list[int]] = [[]]
    for row in rows[np.argsort(lengths[rows], kind="stable")]:
        if groups[-1] and (len(groups[-1]) + 1) * lengths[row] > tokens:
            groups.append([])
        groups[-1].append(int(row))
    return [np.array(group) for group in groups]


def in_halves(
    parts: Sequence[np.ndarray], compute: Callable[[np.ndarray], _Result]
) -> Iterator[tuple[np.ndarray, _Result]]:
    """Each part with what is computed of it; where memory runs out, that part and all that follow are halved.

    Args:
        parts: rows that are computed together.
        compute: raises that memory ran out, which is passed on for a single row.
    """
    left = list(parts)
    while left:
        try:
            found = compute(left[0])
        except (RuntimeError, MemoryError) as error:
            if len(left[0]) == 1 or not lacks_memory(error):
                raise
            left = [half for part in left for half in np.array_split(part, 2) if len(half)]
        else:
            yield left.pop(0), found
            continue
        release_memory()


def release_memory() -> None:
    """Free the memory that a failed computation left behind."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def lacks_memory(error: Exception) -> bool:
    """Whether this says that memory ran out, of an accelerator or of the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # Torch reports a shortage of main memory, or in a library, as a RuntimeError; so does oneDNN.
    words = ("allocate memory", "out of memory", "STATUS_ALLOC_FAILED", "could not create a primitive")
    return isinstance(error, RuntimeError) and any(one in str(error) for one in words)


def usable_memory(device: str, trained: int, most: float = math.inf) -> float:
    """Bytes of it that a step may use, before the optimizer has any state.

    Args:
        device: of the model.
        trained: parameters that are trained.
        most: bytes of it that are planned with, where several processes share the device.
    """
    return min(free_memory(device), most) * USABLE[device_kind(device)] - _TRAINED_BYTES * trained


def logit_bytes(vocabulary: int, share: float) -> float:
    """Of the logits of a padded token, of which a share is predicted."""
    return _LOGIT_BYTES * vocabulary * share
