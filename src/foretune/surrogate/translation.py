"""Configurations of other people's runs, in the words of a search space.

What a run does not say is taken to be as in the space's default. Values that the engine does not know are read as what
they are a kind of (`adamw_torch` is `adamw`, `q_proj+v_proj` is `attention`) where they are, and as the default where
they are not. Hyperparameters that no search chooses are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from foretune.space import SearchSpace
from foretune.space.domain import activity, plain
from foretune.space.vocabulary import HYPERPARAMETERS, Choices, LegalRange, base_name
from foretune.types import Configuration, Value

_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "learning_rate": ("lr",),
        "rank": ("r", "lora_r", "lora_rank"),
        "dropout": ("lora_dropout",),
        "batch_size": ("total_train_batch_size", "train_batch_size", "per_device_train_batch_size"),
        "schedule": ("lr_scheduler_type", "lr_scheduler", "scheduler"),
        "warmup": ("warmup_ratio",),
        "optimizer": ("optim",),
        "epochs": ("num_train_epochs", "num_epochs"),
    }
)
"""Names of transformers, PEFT and common scripts."""
_ATTENTION = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "c_attn", "out_proj"})
_MLP = frozenset({"gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "c_fc"})


def known_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """The hyperparameters that a search chooses, as far as the engine understands their values."""
    found: dict[str, Value] = {}
    for name, legal in HYPERPARAMETERS.items():
        given = next((values[each] for each in (name, *_SYNONYMS.get(name, ())) if each in values), None)
        value = None if given is None else _understood(name, given, legal)
        if value is not None:
            found[name] = value
    rank, alpha = found.get("rank"), values.get("lora_alpha")
    if "alpha_over_rank" not in found and isinstance(rank, int) and isinstance(alpha, int | float) and alpha > 0:
        found["alpha_over_rank"] = alpha / rank
    return found


def said_method(values: Mapping[str, Value]) -> str | None:
    """The method as the run names it, which the engine may not know; None if it does not say."""
    return str(values["method"]).lower() if "method" in values else None


def translated(values: Mapping[str, Value], space: SearchSpace) -> Configuration:
    """A configuration of the space, at the width that it is for, with what is known and the defaults of the rest."""
    known, found = known_values(values), dict[str, Value]()
    for name, hyperparameter in space.space.items():
        when, flat = activity(space.space, name), base_name(name)
        if when is None or found.get(base_name(when.parent)) in when.values:
            default = plain(hyperparameter.default_value)
            found[flat] = known.get(flat, default)
            if flat == "method" and found[flat] not in space.methods:
                found[flat] = default
    return Configuration(found)


def _understood(name: str, value: Value, legal: Choices | LegalRange) -> Value | None:
    if isinstance(legal, LegalRange):
        return _within(value, legal)
    text = str(value).lower()
    if legal.allows(text):
        return text
    if name == "target_modules":
        return _targets(frozenset(text.split("+")))
    if name == "method":
        return next((part for part in text.split("+") if legal.allows(part)), None)
    return next((word for word in legal.words if word in text), None)


def _within(value: Value, legal: LegalRange) -> Value | None:
    """The number, moved to the end of the interval that it lies beyond, and whole where it should be and is."""
    if isinstance(value, str | bool) or (value <= 0 < legal.lower < 1):
        return None
    moved = min(max(value, legal.lower), legal.upper)
    return int(moved) if legal.whole and float(moved).is_integer() else moved


def _targets(modules: frozenset[str]) -> str | None:
    names = frozenset(module.rpartition(".")[2] for module in modules)
    shares = {"attention": names <= _ATTENTION, "mlp": names <= _MLP, "all": names <= _ATTENTION | _MLP}
    return next((share for share, fits in shares.items() if fits), None)
