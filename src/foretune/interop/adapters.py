"""The settings of an adapter as PEFT stores them (`adapter_config.json`), in this library's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretune.types import Value

_ATTENTION = ({"q_proj", "k_proj", "v_proj", "o_proj"}, {"qkv_proj", "o_proj"})
_MLP = ({"gate_proj", "up_proj", "down_proj"}, {"gate_up_proj", "down_proj"})
_SHARES = {
    **{frozenset(names): "attention" for names in _ATTENTION},
    **{frozenset(names): "mlp" for names in _MLP},
    **{frozenset(one | other): "all" for one in _ATTENTION for other in _MLP},
}


def adapter_settings(config: Mapping[str, Any] | None) -> dict[str, Value]:
    """Method, rank, `alpha_over_rank`, dropout and `target_modules`, as far as the adapter has them.

    Args:
        config: an `adapter_config.json`; None if the whole model was finetuned.
    """
    if not config:
        return {"method": "full"}
    found: dict[str, Any] = {"method": _method(config), "target_modules": _targets(config.get("target_modules"))}
    rank, alpha = config.get("r"), config.get("lora_alpha")
    found["rank"] = int(rank) if rank else None
    found["alpha_over_rank"] = float(alpha) / float(rank) if rank and alpha else None
    found["dropout"] = None if config.get("lora_dropout") is None else float(config["lora_dropout"])
    return {name: value for name, value in found.items() if value is not None}


def _method(config: Mapping[str, Any]) -> str:
    kind, start = str(config.get("peft_type")).lower(), config.get("init_lora_weights")
    if kind != "lora":
        return kind
    switches = {"use_dora": "dora", "use_rslora": "rslora", "use_bdlora": "bdlora", "use_qalora": "qalora"}
    named = [method for switch, method in switches.items() if config.get(switch)]
    named += [start.partition("_")[0].lower()] if isinstance(start, str) and start != "gaussian" else []
    return "+".join(named) or "lora"


def _targets(modules: object) -> str | None:
    """`all`, `attention` or `mlp` where exactly these are trained, else the names of the modules."""
    if modules is None or isinstance(modules, str):
        return "all" if modules == "all-linear" else modules
    names = {str(name) for name in modules} if isinstance(modules, list | tuple | set | frozenset) else {str(modules)}
    return _SHARES.get(frozenset(names), "+".join(sorted(names)))
