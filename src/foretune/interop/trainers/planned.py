"""A planned run in the terms that trainers share: what each of them writes in its own words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from foretune.errors import InteropError
from foretune.types import Value

if TYPE_CHECKING:
    from foretune.finetuning.optim import Plan

Form = Literal["chat", "plain", "text"]
"""Of the rows: conversations for a chat template, prompts and completions for a model without one, or raw text."""
TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"


@dataclass(frozen=True)
class PlannedRun:
    """One run of a configuration on written rows.

    Attributes:
        values: of the configuration.
        model: hub name or absolute folder of the base model.
        data: absolute folder with `TRAIN` and `VALIDATION`.
        form: of the rows.
        last_only: whether each row has one answer that is learned, its last message.
        all_learned: whether every answer of every conversation is learned.
        plan: how long it is.
        slices: equal shares of it after which it is evaluated.
        cut: whether some rows are longer than `max_length`.
        max_length: tokens that a row may have.
        seed: of adapters and the order of the data.
        modules: names, or ends of names, of the layers that are adapted; empty for full finetuning.
        inputs: those whose inputs (IA)^3 scales.
        pissa: what PiSSA adds to PEFT's `LoraConfig`, with lower ranks of narrow layers; empty for other methods.
        output: folder for the result.
        begins_with: folder of the result of the run before; empty if the run begins with the base model.
        split: arguments of the Trainer that say how batches are computed on an accelerator; empty for whole ones.
    """

    values: Mapping[str, Value]
    model: str
    data: Path
    form: Form
    last_only: bool
    all_learned: bool
    plan: Plan
    slices: int
    cut: bool
    max_length: int
    seed: int
    modules: Sequence[str]
    inputs: Sequence[str]
    pissa: Mapping[str, Any]
    output: str
    begins_with: str = ""
    split: Mapping[str, int | bool] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """See `foretune.finetuning.adapters.METHODS`."""
        return str(self.values["method"])

    @property
    def rank(self) -> int:
        """Of LoRA."""
        return int(self.values["rank"])

    @property
    def alpha(self) -> int | float:
        """Of LoRA; a whole number where it is one."""
        alpha = float(self.values["alpha_over_rank"]) * self.rank
        return int(alpha) if alpha.is_integer() else alpha

    @property
    def decay(self) -> float:
        """Weight decay; (IA)^3's gates, whose neutral value is 1, are never decayed."""
        return 0.0 if self.method == "ia3" else float(self.values.get("weight_decay", 0.0))

    @property
    def max_steps(self) -> int:
        """Steps of a run that the epochs do not fill; -1 for one that they do, as trainers have it."""
        steps = self.plan.steps
        return steps if steps > self.plan.steps_per_epoch * int(self.values["epochs"]) else -1

    @property
    def warmup_steps(self) -> int:
        """Steps until the learning rate is at its peak."""
        return math.ceil(float(self.values["warmup"]) * self.plan.steps)

    def arguments(self) -> dict[str, Any]:
        """Under the names of the arguments of the `transformers` Trainer, which most trainers take."""
        schedule = str(self.values["schedule"])
        batch = int(self.values["batch_size"])
        at_once = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": 1, **self.split}
        return {
            "output_dir": self.output,
            "seed": self.seed,
            "num_train_epochs": int(self.values["epochs"]),
            "max_steps": self.max_steps,
            **at_once,
            "per_device_eval_batch_size": at_once["per_device_train_batch_size"],
            "learning_rate": float(self.values["learning_rate"]),
            "lr_scheduler_type": "constant_with_warmup" if schedule == "constant" else schedule,
            "warmup_steps": self.warmup_steps,
            "optim": self.optimizer,
            "weight_decay": self.decay,
            "max_grad_norm": 1.0,
            "bf16": True,
            "gradient_checkpointing": self.split.get("gradient_checkpointing", True),
            **self.best_kept(),
            "report_to": "none",
        }

    @property
    def optimizer(self) -> str:
        """As the Trainer calls it."""
        return {"adamw": "adamw_torch", "adafactor": "adafactor"}[str(self.values["optimizer"])]

    def best_kept(self) -> dict[str, Any]:
        """Evaluate after each slice, and keep the best: shares of the run are taken from below 1."""
        share = 1 / self.slices
        return {
            "eval_strategy": "steps",
            "eval_steps": share,
            "save_strategy": "steps",
            "save_steps": share,
            "save_total_limit": 1,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }

    def whole_alpha(self, notes: list[str]) -> int:
        """Alpha for a trainer that takes whole numbers alone; a note where it has to be rounded."""
        if isinstance(self.alpha, float):
            notes.append(f"lora_alpha is {self.alpha:g} in foretune; it is rounded here to a whole number")
        return max(1, round(self.alpha))

    def shared_notes(self) -> list[str]:
        """Differences of every trainer that is built on the `transformers` Trainer."""
        notes: list[str] = []
        if self.method == "dora" and self.decay:
            notes.append("weight decay is on DoRA's magnitudes, too, which foretune spares")
        if self.cut and self.form != "text":
            turns = "" if self.last_only else "their last turns where there are several answers, or else "
            notes.append(
                f"rows of more than {self.max_length} tokens are shortened in another way: in foretune they lose "
                f"{turns}the beginning of their prompt, so that a whole answer is learned"
            )
        return notes


def refuse(run: PlannedRun, methods: Sequence[str], trainer: str) -> None:
    """Whether a trainer has the run's method at all.

    Raises:
        InteropError: it has not.
    """
    if run.method in methods:
        message = f"{trainer} cannot train {run.method}; export to peft-script, or choose another configuration"
        raise InteropError(message)


def refuse_lower_ranks(run: PlannedRun, trainer: str) -> None:
    """Whether PiSSA has the same rank in all layers, for files that name one rank.

    Raises:
        InteropError: some layers are narrower.
    """
    if lower := run.pissa.get("rank_pattern"):
        raise InteropError(
            f"PiSSA cannot have rank {run.rank} in layers as narrow as {min(lower.values())}, and the file for "
            f"{trainer} has one rank for all layers; export to peft-script, or choose a lower rank"
        )


def as_yaml(content: Mapping[str, Any]) -> str:
    """In the order given."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
