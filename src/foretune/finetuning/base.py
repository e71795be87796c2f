"""The base model of a process: read once, its weights shared by every run that leaves them as they are.

A run gets modules, parameters and buffers of its own, which it may wrap, hook, retype and train as it likes; but its
parameters are views of the shared weights. So there is nothing to undo after a run, not even after a failed one. Runs
that change weights get a copy of small models. Large ones are given up to them and read anew for the next run, so that
memory never holds two.
"""

from __future__ import annotations

import copy
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from foretune.finetuning.model import default_dtype, load_model, resolve_model

CHANGE_WEIGHTS = frozenset({"full", "pissa"})
"""Methods that write to the weights of the base model."""

COPIED_BYTES = 2**30
"""Models with more bytes of weights than this are never held twice."""


@dataclass(frozen=True)
class _Reading:
    """The settings that decide the weights in memory."""

    name: str
    device: str
    dtype: torch.dtype
    quantized: bool


_held: dict[_Reading, PreTrainedModel] = {}
"""At most one model, held only here; a process has no memory for more."""


def fresh_model(
    model: str | Path,
    *,
    device: str,
    dtype: torch.dtype | None = None,
    quantized: bool = False,
    changes_weights: bool = True,
    copied_bytes: int = COPIED_BYTES,
) -> PreTrainedModel:
    """The base model as it was read, for one run; it is read from disk only where the process does not hold it.

    Args:
        model: see `foretune.finetuning.model.resolve_model`.
        device: where the weights live.
        dtype: of the weights; default `foretune.finetuning.model.default_dtype`.
        quantized: 4-bit weights, see `foretune.finetuning.model.load_model`.
        changes_weights: whether the run writes to the weights in place. A run that only adds to the model, or replaces
            weights by other tensors, gets a model that shares its weights.
        copied_bytes: most bytes of weights that are copied for a run that changes them; a larger model is handed over
            to the run, and read again for the next run.

    Returns:
        A frozen model in evaluation mode, with modules and parameters that nobody else holds.

    Raises:
        ModelError: nothing loadable there.
    """
    reading = _Reading(resolve_model(model), device, dtype or default_dtype(device), quantized)
    shared = _read(reading)
    if not changes_weights:
        return _twin(shared)
    if weight_bytes(shared) <= copied_bytes:
        return copy.deepcopy(shared)
    return _held.pop(reading)


def release() -> None:
    """Drop the model and return its memory to other processes, or for another model."""
    _held.clear()
    gc.collect()  # modules that were hooked or wrapped refer to each other in circles
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def weight_bytes(model: nn.Module) -> int:
    """Bytes of a model's parameters; tied parameters count once."""
    return sum(parameter.nbytes for parameter in model.parameters())


def _read(reading: _Reading) -> PreTrainedModel:
    if reading not in _held:
        release()  # before the next model is read, because both together may not fit
        loaded = load_model(reading.name, device=reading.device, dtype=reading.dtype, quantized=reading.quantized)
        _own_weights(loaded)
        _held[reading] = loaded
    return _held[reading]


def _own_weights(model: nn.Module) -> None:
    """Copy, one at a time, the parameters that are still pages of the file: these would change, or crash the process,
    if it was written to."""
    for parameter in model.parameters():
        if not parameter.untyped_storage().resizable():  # torch did not allocate it
            parameter.data = parameter.data.clone()


def _twin(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of everything but the weights."""
    shared: dict[int, Any] = {id(parameter): _view(parameter) for parameter in model.parameters()}
    return copy.deepcopy(model, shared)


def _view(parameter: nn.Parameter) -> nn.Parameter:
    """A parameter of the same memory; parameters in 4 bits, which carry more than numbers, are shared themselves."""
    return nn.Parameter(parameter.detach(), requires_grad=False) if type(parameter) is nn.Parameter else parameter
