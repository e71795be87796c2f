"""Several finetuned adapters of one base model as a single plain LoRA adapter: their weighted sum, which is exact.

A LoRA layer adds `s B A` to a frozen matrix, for A (rank, inputs), B (outputs, rank) and a scaling s that depends on
its kind. The weighted sum of such differences is one difference of the summed rank:

    w1 s1 B1 A1 + w2 s2 B2 A2 = [w1 s1 B1, w2 s2 B2] [A1; A2]

So the sum is a LoRA adapter with a scaling of 1. An adapter that leaves a layer alone adds nothing there, and ranks
then differ between layers. PiSSA is saved as plain LoRA, and LoRA+ and QLoRA are plain LoRA. Not of low rank, and so
left out, are the differences of DoRA (it rescales whole columns), (IA)^3 (it scales outputs) and full finetuning.

PEFT's own `add_weighted_adapter(..., combination_type="cat")` is not used: it takes `use_rslora` over from the first
adapter, and the sum is then too large by the square root of its rank. It also wants the base model and all adapters in
memory, and fills every layer up to the summed rank with zeros.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, TaskType
from peft.utils.other import get_pattern_key
from safetensors.torch import load_file, save_file

from foretune.finetuning.weights_file import WEIGHTS, header, in_four_bits

_PREFIX = "base_model.model."

SUMMED = frozenset({"lora", "rslora", "pissa", "loraplus", "qlora"})
"""Methods whose adapters can be summed."""


@dataclass(frozen=True)
class _Factors:
    """The difference `b @ a` that an adapter makes to a layer, for a (rank, inputs) and b (outputs, rank)."""

    a: torch.Tensor
    b: torch.Tensor


def sum_adapters(
    folders: Sequence[Path], weights: Sequence[float], target: Path, *, max_rank: int | None = None
) -> None:
    """Write the weighted sum of adapters as a plain LoRA adapter.

    Args:
        folders: of adapters of methods in `SUMMED`, all of the same base model, which is in 4 bits for all or for none.
        weights: one for each; they add up to 1 in a weighted average.
        target: folder of the sum; it exists.
        max_rank: higher ranks are cut: a layer's difference is replaced by the nearest of that rank, which its largest
            singular values give, and the sum is no longer exact.
    """
    configs = [cast("LoraConfig", LoraConfig.from_pretrained(str(folder))) for folder in folders]
    layers: dict[str, list[_Factors]] = {}
    for folder, config, weight in zip(folders, configs, weights, strict=True):
        for name, factors in _read(folder, config, weight).items():
            layers.setdefault(name, []).append(factors)
    summed = {name: _joined(parts) for name, parts in layers.items()}
    if max_rank is not None:
        summed = {name: _cut(factors, max_rank) for name, factors in summed.items()}
    tensors = {f"{_PREFIX}{name}.lora_A.weight": one.a for name, one in summed.items()}
    tensors |= {f"{_PREFIX}{name}.lora_B.weight": one.b for name, one in summed.items()}
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    save_file(contiguous, target / WEIGHTS, metadata=header(four_bits=in_four_bits(folders[0])))
    _config(configs, {name: len(one.a) for name, one in summed.items()}).save_pretrained(str(target))


def _read(folder: Path, config: LoraConfig, weight: float) -> dict[str, _Factors]:
    """What an adapter adds to each layer, by the layer's full name; weight and scaling are in `b`."""
    tensors = load_file(folder / WEIGHTS)
    found: dict[str, _Factors] = {}
    for key, a in tensors.items():
        stem, _, last = key.rpartition(".lora_A.")
        if last == "weight":
            name, b = stem.removeprefix(_PREFIX), tensors[f"{stem}.lora_B.weight"]
            found[name] = _Factors(a.float(), weight * _scaling(config, name, len(a)) * b.float())
    return found


def _scaling(config: LoraConfig, name: str, rank: int) -> float:
    patterns: dict[str, Any] = config.alpha_pattern or {}
    alpha = float(patterns.get(get_pattern_key(list(patterns), name), config.lora_alpha))
    return alpha / (rank**0.5 if config.use_rslora else rank)


def _joined(parts: Sequence[_Factors]) -> _Factors:
    return _Factors(torch.cat([one.a for one in parts], dim=0), torch.cat([one.b for one in parts], dim=1))


def _cut(factors: _Factors, rank: int) -> _Factors:
    """The nearest difference of a rank, by the singular values of the small matrix between two orthogonal factors."""
    if len(factors.a) <= rank:
        return factors
    left, inner_left = torch.linalg.qr(factors.b)
    right, inner_right = torch.linalg.qr(factors.a.T)
    u, values, v = torch.linalg.svd(inner_left @ inner_right.T)
    roots = values[:rank].sqrt()
    return _Factors(roots[:, None] * (v[:rank] @ right.T), left @ u[:, :rank] * roots)


def _config(configs: Sequence[LoraConfig], ranks: dict[str, int]) -> LoraConfig:
    """With a scaling of 1 in every layer; layers of another than the most frequent rank are named."""
    usual = Counter(ranks.values()).most_common(1)[0][0]
    unusual = {name: rank for name, rank in ranks.items() if rank != usual}
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        base_model_name_or_path=configs[0].base_model_name_or_path,
        # Each is a list of names or of their ends that fits an adapter's own layers only, and so does the union.
        target_modules=sorted({name for config in configs for name in config.target_modules or ()}),
        fan_in_fan_out=configs[0].fan_in_fan_out,
        inference_mode=True,
        r=usual,
        lora_alpha=usual,
        rank_pattern=unusual,
        alpha_pattern=unusual,
    )
