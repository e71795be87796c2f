"""A Python script that needs transformers and PEFT alone, and trains as foretune does.

Its rows are pieces of text, each learned or not, with the chat template already written out: nothing is left to say in
notes but how a run that began with PiSSA goes on.
"""

from __future__ import annotations

import pprint
from importlib import resources
from typing import Any

from foretune.interop.trainers.planned import PlannedRun

_PLACE = "SETTINGS = {}"


def to_peft_script(run: PlannedRun) -> tuple[str, list[str]]:
    """The script, and notes on what it does not do."""
    body = resources.files("foretune").joinpath("data", "scripts", "peft_script.txt").read_text(encoding="utf-8")
    notes = ["for one device; rows_at_once in SETTINGS may be lowered where memory is short, with the same result"]
    if run.begins_with and run.method == "pissa":
        notes.append("the adapter of the run before is plain LoRA of twice the rank, and goes on as such")
    written = pprint.pformat(_settings(run), sort_dicts=False, width=110)
    return body.replace(_PLACE, f"SETTINGS = {written}"), notes


def _settings(run: PlannedRun) -> dict[str, Any]:
    same = ("learning_rate", "schedule", "warmup", "optimizer", "epochs", "batch_size")
    return {
        "model": run.model,
        "data": str(run.data),
        "output": run.output,
        "begins_with": run.begins_with,
        "method": "lora" if run.method == "pissa" and run.begins_with else run.method,
        "seed": run.seed,
        "max_length": run.max_length,
        **{name: run.values[name] for name in same},
        "weight_decay": run.decay,
        "rows_at_once": run.arguments()["per_device_train_batch_size"],
        "gradient_checkpointing": run.split.get("gradient_checkpointing", False),
        **({"loraplus_ratio": run.values["loraplus_ratio"]} if run.method == "loraplus" else {}),
        **({} if run.method == "full" else {"adapter": _adapter(run)}),
    }


def _adapter(run: PlannedRun) -> dict[str, Any]:
    """Arguments of PEFT's configuration."""
    if run.method == "ia3":
        return {"target_modules": list(run.modules), "feedforward_modules": list(run.inputs)}
    return {
        "r": run.rank,
        "lora_alpha": run.alpha,
        "lora_dropout": float(run.values["dropout"]),
        "target_modules": list(run.modules),
        "use_rslora": run.method == "rslora",
        "use_dora": run.method == "dora",
        **run.pissa,
    }
