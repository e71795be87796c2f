"""Adapters through PEFT: a configuration's method on a base model, and the files of the result."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import (
    IA3Config,
    LoraConfig,
    PeftConfig,
    PeftModel,
    TaskType,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.utils import prepare_model_for_kbit_training
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from foretune.errors import ConfigurationError
from foretune.finetuning.model import no_progress_bars
from foretune.finetuning.shape import features_of, shape_of
from foretune.finetuning.targets import is_attention, target_modules
from foretune.finetuning.weights_file import WEIGHTS, header
from foretune.types import Configuration, Value

LORA_METHODS = frozenset({"lora", "rslora", "dora", "pissa", "loraplus", "qlora"})
METHODS = LORA_METHODS | {"ia3", "full"}

_EXACT_SVD = 1024
"""PiSSA takes the exact SVD up to this many input or output features, and a randomized one with 4 iterations above."""


@dataclass(frozen=True)
class Adapted:
    """A base model that is ready to be finetuned.

    Attributes:
        model: what to call; a `PeftModel`, or the base model itself for full finetuning.
        trained: the parameters that training moves, by name.
        initial: PiSSA's factors before training, by the name of the parameter; else empty.
    """

    model: PreTrainedModel | PeftModel
    trained: Mapping[str, nn.Parameter]
    initial: Mapping[str, torch.Tensor]

    @property
    def parameters_trained(self) -> int:
        """How many numbers training moves."""
        return sum(parameter.numel() for parameter in self.trained.values())


def setting(configuration: Configuration, name: str) -> Value:
    """A hyperparameter that must be there.

    Raises:
        ConfigurationError: it is not.
    """
    if name not in configuration.values:
        method = configuration.values.get("method", "this method")
        raise ConfigurationError(
            f"configuration lacks {name!r}, which {method} needs; it has {sorted(configuration.values)}"
        )
    return configuration.values[name]


def method_of(configuration: Configuration) -> str:
    """The configuration's method.

    Raises:
        ConfigurationError: nobody knows it.
    """
    method = setting(configuration, "method")
    if method not in METHODS:
        raise ConfigurationError(f"unknown method {method!r}; choose one of {', '.join(sorted(METHODS))}")
    return str(method)


def adapt(model: PreTrainedModel, configuration: Configuration, *, name: str) -> Adapted:
    """Put the configuration's adapter on a base model (which is changed).

    Random initial values come from torch's global generator; the caller seeds it.

    Args:
        model: a private copy, see `foretune.finetuning.base.fresh_model`.
        configuration: with `method`, `target_modules` and what the method needs.
        name: folder or hub name of the base model, kept in the saved adapter.

    Raises:
        ConfigurationError: unknown method or a missing hyperparameter.
        ModelError: the model has no layer of the kind that is to be adapted.
    """
    method = method_of(configuration)
    if method == "full":
        model.requires_grad_(True)
        return Adapted(model, dict(model.named_parameters()), {})
    if method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    modules = target_modules(model, str(setting(configuration, "target_modules")))
    peft_config = _ia3(model, modules) if method == "ia3" else _lora(model, modules, configuration)
    wrapped = _wrapped(model, peft_config)
    wrapped.peft_config["default"].base_model_name_or_path = name
    trained = {name: parameter for name, parameter in wrapped.named_parameters() if parameter.requires_grad}
    initial = {name: value.detach().clone() for name, value in trained.items()} if method == "pissa" else {}
    return Adapted(wrapped, trained, initial)


def _wrapped(model: PreTrainedModel, peft_config: PeftConfig) -> PeftModel:
    with warnings.catch_warnings():
        # PEFT asks transformers 5 for a property by its old name.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return cast("PeftModel", get_peft_model(model, peft_config))


def _lora(model: PreTrainedModel, modules: list[str], configuration: Configuration) -> LoraConfig:
    method = method_of(configuration)
    rank = int(setting(configuration, "rank"))
    alpha_over_rank = float(setting(configuration, "alpha_over_rank"))
    settings: dict[str, Any] = {
        "r": rank,
        "lora_alpha": alpha_over_rank * rank,
        "lora_dropout": float(setting(configuration, "dropout")),
        "use_rslora": method == "rslora",
        "use_dora": method == "dora",
    }
    if method == "pissa":
        settings |= pissa_settings(model, modules, rank, alpha_over_rank)
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM, target_modules=modules, fan_in_fan_out=_transposed(model, modules), **settings
    )


def pissa_settings(model: PreTrainedModel, modules: list[str], rank: int, alpha_over_rank: float) -> dict[str, Any]:
    """What PiSSA adds to a `LoraConfig`.

    A matrix has no more singular values than its shorter side is long: lower ranks where `rank` is above that.
    """
    sizes = {name: features_of(model.get_submodule(name)) for name in modules}
    lower = {name: min(size) for name, size in sizes.items() if min(size) < rank}
    exact = max(max(size) for size in sizes.values()) <= _EXACT_SVD
    return {
        "init_lora_weights": "pissa" if exact else "pissa_niter_4",
        "rank_pattern": lower,
        "alpha_pattern": {name: alpha_over_rank * size for name, size in lower.items()},
    }


def _ia3(model: PreTrainedModel, modules: list[str]) -> IA3Config:
    """(IA)^3 scales what goes into a feed-forward block's last layer, and what comes out of every other layer."""
    return IA3Config(
        task_type=TaskType.CAUSAL_LM,
        target_modules=modules,
        feedforward_modules=scaled_inputs(model, modules),
        fan_in_fan_out=_transposed(model, modules),
    )


def scaled_inputs(model: PreTrainedModel, modules: list[str]) -> list[str]:
    """Those of some layers whose inputs (IA)^3 scales: the last layers of feed-forward blocks."""
    width = shape_of(model).width
    sizes = {name: features_of(model.get_submodule(name)) for name in modules}
    return [name for name, (before, _) in sizes.items() if not is_attention(name) and before != width]


def _transposed(model: PreTrainedModel, modules: list[str]) -> bool:
    """Whether weights are stored (inputs, outputs), as GPT-2 does."""
    return isinstance(model.get_submodule(modules[0]), Conv1D)


def save_adapter(adapted: Adapted, folder: Path) -> None:
    """Write an adapter that `peft.AutoPeftModelForCausalLM.from_pretrained(folder)` puts on the original base model.

    PiSSA trains against a base from which its initial factors were taken away. Saved is the plain LoRA of twice the
    rank that makes the same difference to the original base: `B A - B0 A0 = [B, -B0] [A; A0]`.

    The weights say whether the base model was in 4 bits, see `foretune.finetuning.weights_file`.

    Args:
        adapted: a model after `adapt`; full finetuning writes the whole model.
        folder: exists.
    """
    if isinstance(adapted.model, PreTrainedModel):
        with no_progress_bars():
            adapted.model.save_pretrained(folder, max_shard_size="1TB")
        return
    config = copy.deepcopy(adapted.model.peft_config["default"])
    tensors = get_peft_model_state_dict(adapted.model, save_embedding_layers=False)
    if adapted.initial and isinstance(config, LoraConfig):
        tensors = {name: _with_initial(name, value, adapted.initial) for name, value in tensors.items()}
        config = _doubled(config)
    config.inference_mode = True
    weights = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    four_bits = bool(getattr(adapted.model.get_base_model(), "is_loaded_in_4bit", False))
    save_file(weights, folder / WEIGHTS, metadata=header(four_bits=four_bits))
    config.save_pretrained(str(folder))


def load_adapter(adapted: Adapted, folder: Path) -> None:
    """Take the values of a saved adapter of the same base model, method, rank and layers instead of initial ones.

    Of PiSSA's doubled factors the first half is what was trained; the second half are the initial factors.

    Raises:
        ConfigurationError: there is no adapter of these layers and ranks, or its PiSSA began with other factors.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ConfigurationError(f"{folder} holds no adapter to go on from; train that run again")
    saved = load_file(path)
    expected = get_peft_model_state_dict(adapted.model, save_embedding_layers=False)
    if adapted.initial:
        written = {name: _with_initial(name, value, adapted.initial) for name, value in expected.items()}
        saved = {name: _trained_half(name, value, written.get(name), folder) for name, value in saved.items()}
    shapes, wanted = ({name: value.shape for name, value in one.items()} for one in (saved, expected))
    if shapes != wanted:
        raise ConfigurationError(f"the adapter in {folder} has other layers or ranks than the run that continues it")
    set_peft_model_state_dict(adapted.model, saved)


def _trained_half(name: str, saved: torch.Tensor, written: torch.Tensor | None, folder: Path) -> torch.Tensor:
    axis = 0 if "lora_A" in name else 1
    trained, initial = saved.chunk(2, dim=axis)
    if written is None or not torch.allclose(initial, written.cpu().chunk(2, dim=axis)[1]):
        raise ConfigurationError(f"the PiSSA adapter in {folder} began with other factors of the base model")
    return trained


def _with_initial(name: str, value: torch.Tensor, initial: Mapping[str, torch.Tensor]) -> torch.Tensor:
    stem, _, last = name.rpartition(".")
    before = initial[f"{stem}.default.{last}"]
    return torch.cat([value, before], dim=0) if "lora_A" in name else torch.cat([value, -before], dim=1)


def _doubled(config: LoraConfig) -> LoraConfig:
    config.r *= 2
    config.lora_alpha *= 2
    config.rank_pattern = {name: 2 * rank for name, rank in (config.rank_pattern or {}).items()}
    config.alpha_pattern = {name: 2 * alpha for name, alpha in (config.alpha_pattern or {}).items()}
    config.init_lora_weights = True
    return config
