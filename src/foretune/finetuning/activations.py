"""The activations that a forward pass keeps for the backward pass: measured, and reduced by gradient checkpointing."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Set
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from foretune.finetuning.batches import Batch
from foretune.finetuning.memory import StepBytes, lacks_memory


def can_checkpoint(model: nn.Module) -> bool:
    """Whether the architecture has gradient checkpointing."""
    return bool(getattr(_base(model), "supports_gradient_checkpointing", False))


@contextmanager
def checkpointed(model: nn.Module, *, on: bool = True) -> Generator[None]:
    """Inside, layers keep only their inputs for the backward pass; afterwards all is as before."""
    if not on:
        yield
        return
    base = _base(model)
    enable = getattr(base, "activation_checkpointing_enable", None) or base.gradient_checkpointing_enable
    disable = getattr(base, "activation_checkpointing_disable", None) or base.gradient_checkpointing_disable
    enable({"use_reentrant": False})
    base.disable_input_require_grads()  # which only reentrant checkpointing needs
    try:
        yield
    finally:
        disable()


def _base(model: nn.Module) -> Any:
    return getattr(model, "get_base_model", lambda: model)()


def _layers(model: nn.Module) -> int:
    return getattr(_base(model).config.get_text_config(decoder=True), "num_hidden_layers", 1)


def measure(model: nn.Module, loss: Callable[[Batch], torch.Tensor], row: torch.Tensor, *, logits: float) -> StepBytes:
    """The bytes that a step takes, from the bytes that short forward passes keep.

    One row and two of it tell what grows with the rows, and what does not. At the peak, the layer whose gradients are
    being computed takes as much again as it keeps.

    Args:
        model: ready for its first step; nothing of it is changed.
        loss: of a batch, as in a step.
        row: (W,) tokens of a row that is as long as any, on the device.
        logits: see `logit_bytes`; so few are computed here that they hardly count.

    Returns:
        Infinite bytes per token, if even this does not fit.
    """
    fixed, kept = _kept(loss, row)
    return StepBytes(fixed, kept * (1 + 1 / _layers(model)) / len(row) + logits)


def measure_checkpointed(
    model: nn.Module, loss: Callable[[Batch], torch.Tensor], row: torch.Tensor, *, logits: float, plain: StepBytes
) -> StepBytes:
    """The bytes that a step takes with gradient checkpointing, given the bytes without it, `plain`: see `measure`.

    Before the gradients of a layer, all that it keeps without checkpointing is computed.
    """
    layer = (plain.token - logits) / (_layers(model) + 1)
    with checkpointed(model):
        _, inputs = _kept(loss, row)
    return StepBytes(plain.fixed, inputs / len(row) + 2 * layer + logits)


def _kept(loss: Callable[[Batch], torch.Tensor], row: torch.Tensor) -> tuple[float, float]:
    """Bytes that a forward pass keeps whatever the number of rows, and the bytes of each row."""
    with torch.random.fork_rng(devices=[row.device] if row.device.type == "cuda" else []):
        before = _saved(loss, row[:2], 1)
        one = _saved(loss, row, 1)
        shared = before.keys() & one.keys()  # were there before both: weights and constants
        first = _bytes(one, shared)
        del one
        both = _bytes(_saved(loss, row, 2), shared)
    return (max(2 * first - both, 0.0), both - first) if math.isfinite(both) else (0.0, first)


def _saved(loss: Callable[[Batch], torch.Tensor], row: torch.Tensor, rows: int) -> dict[int, torch.UntypedStorage]:
    """Each storage that a forward pass over so many copies of a row keeps, by its address."""
    found: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> None:
        # A tensor given back would hold the node that made it, which holds the tensor, for ever; and nothing unpacks.
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()

    ids = row.expand(rows, -1)
    predicts = torch.zeros_like(ids, dtype=torch.bool)
    predicts[:, -1] = True
    try:
        with saved_tensors_hooks(pack, lambda nothing: nothing):
            loss(Batch(ids, predicts, ids[:, -1], np.arange(rows)))
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        return {}
    return found


def _bytes(found: Mapping[int, torch.UntypedStorage], left_out: Set[int]) -> float:
    """Infinite if nothing was found, for then memory ran out."""
    return float(sum(storage.nbytes() for address, storage in found.items() if address not in left_out)) or math.inf
