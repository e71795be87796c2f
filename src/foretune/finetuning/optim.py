"""Optimizers and learning-rate schedules: pure functions of the configuration and the step, so nothing to restore."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from peft.optimizers import create_loraplus_optimizer
from torch.optim import Adafactor, AdamW, Optimizer

from foretune.errors import ConfigurationError
from foretune.finetuning.adapters import Adapted, method_of, setting
from foretune.types import Configuration

SLICES = 8
"""Equal shares of a planned run after which it is evaluated: the fidelities."""

SCHEDULES = ("constant", "linear", "cosine")


@dataclass(frozen=True)
class Plan:
    """How long a run is, in optimizer steps.

    Attributes:
        steps_per_epoch: batches that make one pass over the training rows.
        steps: of the whole run; at least `SLICES`, so a run shorter than that goes on into further epochs.
    """

    steps_per_epoch: int
    steps: int

    def slice_end(self, fidelity: int) -> int:
        """Steps taken when slice `fidelity` (1 to `SLICES`) is complete."""
        return round(self.steps * fidelity / SLICES)


def plan(configuration: Configuration, rows: int) -> Plan:
    """The planned run of a configuration on `rows` training rows."""
    steps_per_epoch = math.ceil(rows / int(setting(configuration, "batch_size")))
    return Plan(steps_per_epoch, max(SLICES, steps_per_epoch * int(setting(configuration, "epochs"))))


def learning_rate_factor(step: int, steps: int, schedule: str, warmup: float) -> float:
    """Share of the peak learning rate: linear warm-up, then constant, or down to zero linearly or as a cosine.

    Args:
        step: 0 to `steps` - 1.
        steps: of the whole planned run.
        schedule: one of `SCHEDULES`.
        warmup: share of the run, 0 to 1.

    Raises:
        ConfigurationError: unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise ConfigurationError(f"unknown schedule {schedule!r}; choose one of {', '.join(SCHEDULES)}")
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return {"constant": 1.0, "linear": 1.0 - progress, "cosine": 0.5 * (1.0 + math.cos(math.pi * progress))}[schedule]


def make_optimizer(adapted: Adapted, configuration: Configuration) -> Optimizer:
    """The configuration's optimizer over everything that is trained.

    Weight decay spares vectors (norms, biases, DoRA's magnitudes) and (IA)^3's gates, whose neutral value is 1, not 0.

    Raises:
        ConfigurationError: unknown optimizer or a missing hyperparameter.
    """
    kind, settings = _kind(str(setting(configuration, "optimizer")))
    learning_rate = float(setting(configuration, "learning_rate"))
    decay = float(configuration.values.get("weight_decay", 0.0))
    if method_of(configuration) == "loraplus":
        return create_loraplus_optimizer(
            adapted.model,  # pyright: ignore[reportArgumentType] - a PeftModel whenever the method is loraplus
            kind,
            lr=learning_rate,
            loraplus_lr_ratio=float(setting(configuration, "loraplus_ratio")),
            loraplus_weight_decay=decay,
            **settings,
        )
    decayed = {name for name, p in adapted.trained.items() if p.ndim > 1 and "ia3_" not in name}
    groups = [
        {"params": [p for name, p in adapted.trained.items() if name in decayed], "weight_decay": decay},
        {"params": [p for name, p in adapted.trained.items() if name not in decayed], "weight_decay": 0.0},
    ]
    return kind([group for group in groups if group["params"]], lr=learning_rate, **settings)


def _kind(name: str) -> tuple[type[AdamW] | type[Adafactor], dict[str, Any]]:
    if name == "adamw":
        return AdamW, {"fused": True}
    if name == "adafactor":
        # Torch scales each step by max(eps2, RMS of the parameter). LoRA's B starts at zero and would hardly move; with
        # eps2 = 1 the learning rate means the same as AdamW's.
        return Adafactor, {"eps": (None, 1.0), "foreach": True}
    raise ConfigurationError(f"unknown optimizer {name!r}; choose adamw or adafactor")


class PeakRates:
    """Sets each group's learning rate to its peak times the schedule's factor.

    Attributes:
        optimizer: whose groups still have their peak learning rates.
    """

    def __init__(self, optimizer: Optimizer, configuration: Configuration, steps: int) -> None:
        self.optimizer = optimizer
        self._peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self._steps = steps
        self._schedule = str(setting(configuration, "schedule"))
        self._warmup = float(configuration.values.get("warmup", 0.0))

    def set(self, step: int) -> None:
        """Set the learning rates of step `step` (from 0)."""
        factor = learning_rate_factor(step, self._steps, self._schedule, self._warmup)
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor


def optimizer_tensors(optimizer: Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's state as flat named tensors: `<parameter number>.<entry>`."""
    state: dict[int, dict[str, torch.Tensor]] = optimizer.state_dict()["state"]
    return {f"{number}.{entry}": value for number, entries in state.items() for entry, value in entries.items()}


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Undo `optimizer_tensors`; hyperparameters stay as they are."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        number, _, entry = name.partition(".")
        state.setdefault(int(number), {})[entry] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
