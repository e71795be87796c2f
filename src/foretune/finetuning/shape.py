"""Read the shape of a base model off the model itself, or off one that is built without weights from its config.json.

Names in a `config.json` differ between architectures, and some nest them; modules and tensors are the same everywhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from foretune.errors import ModelError
from foretune.finetuning.model import no_progress_bars, resolve_model
from foretune.finetuning.targets import expert_tensors, linear_layers, text_part
from foretune.metadata.shape import ModelShape

_LAYER = re.compile(r"(?:^|\.)\d+(?:\.|$)")
_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_target_positions", "seq_length")
"""How configurations call the longest row that a model was made for; no tensor tells where positions are computed."""
_PASSED = ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "moe_topk", "moe_k", "top_k_experts", "top_k")
"""How they call the number of experts that a token passes."""


def read_without_weights(name: str | Path) -> PreTrainedModel:
    """A base model on the meta device, built from its `config.json`; its weights need not be there.

    Args:
        name: see `foretune.finetuning.model.resolve_model`.

    Raises:
        ModelError: there is no configuration, or none of a causal language model.
    """
    resolved = resolve_model(name, weights=False)
    try:
        return build_without_weights(AutoConfig.from_pretrained(resolved))
    except Exception as error:  # whatever an architecture makes of values that do not suit it
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"cannot build {name} from its config.json: {reason}; give the folder or hub name of a causal language "
            "model of an architecture that transformers knows"
        ) from error


def build_without_weights(config: PretrainedConfig) -> PreTrainedModel:
    """The model that a configuration describes, on the meta device."""
    with no_progress_bars(), torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def read_shape(name: str | Path) -> ModelShape:
    """The shape of a base model; see `read_without_weights`."""
    return shape_of(read_without_weights(name))


def shape_of_config(config: PretrainedConfig) -> ModelShape:
    """The shape of the model that a configuration describes."""
    return shape_of(build_without_weights(config))


def shape_of(model: PreTrainedModel) -> ModelShape:
    """The shape of a model, which may be on the meta device."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if not isinstance(head, nn.Module):
        raise ModelError(f"{type(model).__name__} has no output head; give a causal language model")
    sizes = {id(one): one.numel() for module in (embedding, head) for one in module.parameters()}
    attention, feed_forward = _linear_sizes(model, "attention"), _linear_sizes(model, "mlp")
    layers, width = _layers(model), _width(head, [*attention, *feed_forward])
    mixing = sum(before * after for before, after in attention) / (2 * width * layers)
    queries = next((before for before, after in reversed(attention) if after == width), width)
    queries = min(queries, int(mixing))
    return ModelShape(
        layers=layers,
        width=width,
        inner=(_matrices(model) / layers - 2 * width * mixing) / (3 * width),
        queries=queries,
        pairs=mixing - queries,
        vocabulary=len(head.get_parameter("weight")),
        embeddings=float(sum(sizes.values())),
        parameters=float(sum(one.numel() for one in model.parameters())),
        positions=_positions(model),
    )


def features_of(module: nn.Module) -> tuple[int, int]:
    """Input and output size of a linear layer."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    rows, columns = module.get_parameter("weight").shape
    return rows, columns


def _linear_sizes(model: PreTrainedModel, place: str) -> list[tuple[int, int]]:
    return [features_of(model.get_submodule(name)) for name, where in linear_layers(model).items() if where == place]


def _width(head: nn.Module, layers: list[tuple[int, int]]) -> int:
    """Width of the head's input, unless it is behind a projection: then the most frequent width of the layers."""
    width = int(head.get_parameter("weight").shape[1])
    sizes = [size for one in layers for size in one]
    return width if width in sizes or not sizes else max(sizes, key=sizes.count)


def _layers(model: PreTrainedModel) -> int:
    """Length of the list of modules that holds the most parameters."""
    lists = [one for one in text_part(model).modules() if isinstance(one, nn.ModuleList)]
    return len(max(lists, key=lambda one: sum(p.numel() for p in one.parameters()))) if lists else 1


def _matrices(model: PreTrainedModel) -> float:
    """Entries of the weights in layers that a token is multiplied with."""
    part = text_part(model)
    tables = {id(p) for module in part.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    experts = {id(parameter) for parameter in expert_tensors(model).values()}
    passed = _first_number(model.config, _PASSED)
    count = 0.0
    for name, parameter in part.named_parameters():
        if parameter.ndim > 1 and id(parameter) not in tables and _LAYER.search(name):
            share = min(passed / len(parameter), 1.0) if passed and id(parameter) in experts else 1.0
            count += share * parameter.numel()
    return count


def _positions(model: PreTrainedModel) -> int | None:
    """The longest row that a table of positions has room for, or that the configuration states."""
    stated = _first_number(model.config, _POSITIONS)
    tables = [
        len(module.weight) - int(getattr(module, "offset", 0))
        for name, module in text_part(model).named_modules()
        if isinstance(module, nn.Embedding) and re.search(r"pos|wpe", name)
    ]
    return min([*tables, *([stated] if stated else [])], default=None)


def _first_number(config: PretrainedConfig, names: tuple[str, ...]) -> int | None:
    text: Any = config.get_text_config(decoder=True)
    found = (getattr(text, name, None) for name in names)
    return next((one for one in found if isinstance(one, int) and one > 0), None)
