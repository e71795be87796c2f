"""Hyperparameters of a run of the Trainer of `transformers`: of its state, its model card, and files beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretune.interop.documents import read_object, read_text
from foretune.interop.parameters import plain, typed
from foretune.types import Value

_EPOCH = 0.05
"""A run whose last batches do not fill a step ends by so much before a whole epoch."""
_CARD_LINE = re.compile(r"^- ([a-z_]+): (\S+)\s*$", flags=re.MULTILINE)
_NAMES = {
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "lr_scheduler_type": "schedule",
    "warmup_ratio": "warmup",
    "lr_scheduler_warmup_ratio": "warmup",
    "optim": "optimizer",
    "num_train_epochs": "epochs",
    "num_epochs": "epochs",
    "total_train_batch_size": "batch_size",
}
"""The Trainer's name of a hyperparameter, in its arguments or in the model card -> our name."""


def beside(folder: Path, state: Path, name: str) -> dict[str, Any] | None:
    """A JSON file in the folder of a run, or beside its state; None if it is in neither."""
    file = next((place / name for place in (folder, state.parent) if (place / name).is_file()), None)
    return read_object(file) if file else None


def arguments_of(folder: Path, state: Path) -> dict[str, Value]:
    """Settings in the model card or in a JSON file of the Trainer's arguments."""
    card = next((place / "README.md" for place in (folder, state.parent) if (place / "README.md").is_file()), None)
    said: dict[str, Any] = dict(typed([dict(_CARD_LINE.findall(read_text(card)))])[0]) if card else {}
    said |= beside(folder, state, "training_args.json") or {}
    if "total_train_batch_size" not in said and "per_device_train_batch_size" in said:
        steps = int(said.get("gradient_accumulation_steps", 1))
        said["total_train_batch_size"] = int(said["per_device_train_batch_size"]) * steps
    known = {ours: said[theirs] for theirs, ours in _NAMES.items() if said.get(theirs) is not None}
    if "schedule" in known:
        known["schedule"] = str(known["schedule"]).rpartition(".")[2].lower()
    return plain({"seed": said.get("seed"), **known}, folder)


def state_settings(state: Mapping[str, Any]) -> dict[str, Value]:
    """Settings in the state itself: the highest logged learning rate stands for the learning rate."""
    rates = [float(entry["learning_rate"]) for entry in state["log_history"] if "learning_rate" in entry]
    found: dict[str, Any] = {
        "learning_rate": max(rates, default=None),
        "batch_size": state.get("train_batch_size"),
    }
    return {name: value for name, value in found.items() if value is not None}


def epochs_of(state: Mapping[str, Any]) -> dict[str, Value]:
    """Planned passes over the training rows: as far as `max_steps` allows, if it ends the run earlier."""
    planned, reached = state.get("num_train_epochs"), state.get("epoch")
    if planned is None:
        return {}
    ended = int(state["global_step"]) >= int(state.get("max_steps") or 0)
    if reached is not None and ended and 0 < reached < planned - _EPOCH:
        return {"epochs": reached}
    return {"epochs": planned}
