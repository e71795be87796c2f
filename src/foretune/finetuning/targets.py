"""The layers of a base model that an adapter can sit on, found by their type and place.

Only the part of a model that writes text counts. Layers for images and sound, cross-attention to an absent encoder, the
output head and the routers of mixtures are never adapted. In a mixture whose experts are a tensor of three dimensions,
the experts stay frozen: PEFT could adapt them (`target_parameters`), but with LoRA alone, without dropout, and by
computing all experts' differences in every step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from foretune.errors import ConfigurationError, ModelError

SHARES = ("all", "attention", "mlp")

_ATTENTION = re.compile(r"(?:attn|attention)(?![^.]*norm)")
_MLP = re.compile(r"mlp|feed_?forward|ffn|experts|\bfc\d|(?:up|down)_proj$")
_MIXER = re.compile(r"mixer|mamba|ssm|conv|temporal|lstm|recurrent")
"""Layers in the place of attention in models that have a state."""
_ELSEWHERE = re.compile(r"vision|visual|image|audio|speech|cross_?att|encoder_attn")
_ROUTER = re.compile(r"router|(?:^|\.)gate$|expert_gate$")
_LAYER = re.compile(r"(?:^|\.)\d+(?:\.|$)")
_PLAIN_TYPES = frozenset({torch.float64, torch.float32, torch.bfloat16, torch.float16})
"""Of weights that are not quantized."""
_STATE_SPACE = frozenset({"falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h"})
"""Models whose `out_proj` PEFT refuses to adapt: their fast kernels take its weight and pass the layer by."""


def text_part(model: PreTrainedModel) -> nn.Module:
    """The part of a model that writes text; the model itself if it names none."""
    decoder: Any = model.get_decoder()
    embedding = model.get_input_embeddings()
    known = isinstance(decoder, nn.Module) and any(module is embedding for module in decoder.modules())
    return decoder if known else model


def linear_layers(model: PreTrainedModel) -> dict[str, str]:
    """Full names of the linear layers that can be adapted: `attention`, `mlp`, or `other` outside of any layer."""
    head, part = model.get_output_embeddings(), text_part(model)
    inside = set(part.modules())
    return {
        name: _place(name)
        for name, module in model.named_modules()
        if module in inside and module is not head and _is_linear(module) and _may_be_adapted(model, name)
    }


def target_modules(model: PreTrainedModel, share: str) -> list[str]:
    """Full names of the linear layers to adapt.

    Args:
        model: the base model.
        share: `attention` (or the layers in its place), `mlp` (the rest of the layers), or `all`.

    Raises:
        ConfigurationError: `share` is none of these.
        ModelError: the model has no such layer.
    """
    if share not in SHARES:
        raise ConfigurationError(f"unknown target_modules {share!r}; choose all, attention or mlp")
    wanted = [name for name, place in linear_layers(model).items() if share in {"all", place}]
    if not wanted:
        raise ModelError(
            f"{type(model).__name__} has no linear layer that looks like {share}; try target_modules 'all'"
        )
    return wanted


def short_names(model: PreTrainedModel, modules: Sequence[str]) -> list[str]:
    """The last parts of layers' names, such as `q_proj`, where PEFT finds the same layers by them; else whole names."""
    ends = sorted({name.rpartition(".")[2] for name in modules})
    found = {name for name, module in model.named_modules() if name.rpartition(".")[2] in ends and _is_layer(module)}
    return ends if found == set(modules) else list(modules)


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, (nn.Linear, Conv1D))


def available_targets(model: PreTrainedModel) -> tuple[str, ...]:
    """Those of `SHARES` for which the model has layers.

    Raises:
        ModelError: it has none at all.
    """
    places = set(linear_layers(model).values())
    if not places:
        raise ModelError(f"{type(model).__name__} has no linear layer that PEFT could adapt; give another base model")
    return tuple(share for share in SHARES if share == "all" or share in places)


def target_notes(model: PreTrainedModel) -> tuple[str, ...]:
    """Notes on the layers that adapters do not reach, in sentences."""
    name, available, frozen = type(model).__name__, available_targets(model), frozen_experts(model)
    lacking = [share for share in SHARES if share not in available]
    notes = [f"{name} has no {share} layers that can be adapted: none is searched" for share in lacking]
    if frozen:
        notes.append(f"the experts of {name}, {frozen:.0%} of its parameters, stay frozen: adapters are on the rest")
    return tuple(notes)


def frozen_experts(model: PreTrainedModel) -> float:
    """Share of the model's parameters that are experts in tensors of three dimensions, which no adapter reaches."""
    whole = sum(parameter.numel() for parameter in model.parameters())
    return sum(parameter.numel() for parameter in expert_tensors(model).values()) / whole


def expert_tensors(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """Parameters (experts, ..., ...) by their full names."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim == 3 and "experts" in f"{name} {type(model.get_submodule(_owner(name))).__name__}".lower()
    }


def is_attention(name: str) -> bool:
    """Whether a layer of this name is part of attention, or of the layers in its place."""
    return _place(name) == "attention"


def _place(name: str) -> str:
    if not _LAYER.search(name):
        return "other"
    if _ATTENTION.search(name):
        return "attention"
    if _MLP.search(name):
        return "mlp"
    return "attention" if _MIXER.search(name) else "mlp"


def _may_be_adapted(model: PreTrainedModel, name: str) -> bool:
    if _ELSEWHERE.search(name) or _ROUTER.search(name):
        return False
    return not (model.config.model_type in _STATE_SPACE and name.endswith("out_proj"))


def _is_linear(module: nn.Module) -> bool:
    """Whether a module multiplies with its weight and adds its bias, and nothing else: routers inherit from it, too."""
    if not isinstance(module, nn.Linear):
        return type(module) is Conv1D
    return type(module) is nn.Linear or module.weight.dtype not in _PLAIN_TYPES or _multiplies(module)


def _multiplies(module: nn.Linear) -> bool:
    sample = torch.ones(2, module.weight.shape[-1], dtype=module.weight.dtype, device=module.weight.device)
    expected = nn.functional.linear(sample, module.weight, module.bias)
    try:
        with torch.no_grad():
            found: Any = module(sample)
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    if not isinstance(found, torch.Tensor) or found.shape != expected.shape:
        return False
    return found.is_meta or torch.allclose(found, expected)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]
