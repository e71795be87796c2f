"""A Python script for Unsloth, whose trainer is TRL's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretune.interop.trainers.planned import TRAIN, VALIDATION, PlannedRun, refuse
from foretune.interop.trainers.trl import answers_learned

_LORAPLUS = """\
optimizer = create_loraplus_optimizer(
    model,
    {kind},
    lr={learning_rate!r},
    loraplus_lr_ratio={ratio!r},
    loraplus_weight_decay={decay!r},{more}
)
"""
_KINDS = {
    "adamw": ("torch.optim.AdamW", ""),
    "adafactor": ("torch.optim.Adafactor", "\n    eps=(None, 1.0),  # the learning rate means the same as AdamW's"),
}


def to_unsloth(run: PlannedRun) -> tuple[str, list[str]]:
    """The script, and notes on what it cannot do."""
    refuse(run, ["ia3"], "Unsloth")
    notes = [*run.shared_notes(), "Unsloth needs a GPU, and knows some architectures only"]
    if run.method == "pissa":
        notes.append("Unsloth takes no PiSSA initial values: this is plain LoRA, which needs another learning rate")
    if run.begins_with:
        notes.append(f"this run goes on with the adapter in {run.begins_with}, which is loaded as the model")
    arguments = {**run.arguments(), "gradient_checkpointing": False}  # Unsloth's own takes its place
    learned = answers_learned(run, notes)
    config = {**arguments, "max_length": run.max_length, "packing": False, **learned}
    loraplus = run.method == "loraplus"
    files = {"train": str(run.data / TRAIN), "validation": str(run.data / VALIDATION)}
    parts = [
        _imports(loraplus=loraplus),
        _called("model, tokenizer = FastLanguageModel.from_pretrained", _loading(run)),
        "" if run.method == "full" or run.begins_with else _called(_ADAPT, _adapter(run, notes), "    model,\n"),
        f'data = load_dataset("json", data_files={files!r})\n',
        _called("config = SFTConfig", config),
        _loraplus(run) if loraplus else "",
        _called("trainer = SFTTrainer", {}, _TRAINER + ("    optimizers=(optimizer, None),\n" if loraplus else "")),
        f"trainer.train()\nmodel.save_pretrained({run.output!r})\ntokenizer.save_pretrained({run.output!r})\n",
    ]
    return "\n".join(part for part in parts if part), notes


_ADAPT = "model = FastLanguageModel.get_peft_model"
_TRAINER = """\
    model=model,
    args=config,
    processing_class=tokenizer,
    train_dataset=data["train"],
    eval_dataset=data["validation"],
"""


def _imports(*, loraplus: bool) -> str:
    more = "import torch\nfrom peft.optimizers import create_loraplus_optimizer\n" if loraplus else ""
    # Unsloth changes the libraries that are imported after it.
    first, last = "from unsloth import FastLanguageModel\n", "from trl import SFTConfig, SFTTrainer\n"
    return f"{first}{more}from datasets import load_dataset\n{last}"


def _loading(run: PlannedRun) -> dict[str, Any]:
    return {
        "model_name": run.begins_with or run.model,
        "max_seq_length": run.max_length,
        "load_in_4bit": run.method == "qlora",
        "full_finetuning": run.method == "full",
        "random_state": run.seed,
    }


def _adapter(run: PlannedRun, notes: list[str]) -> dict[str, Any]:
    return {
        "r": run.rank,
        "lora_alpha": run.whole_alpha(notes),
        "lora_dropout": float(run.values["dropout"]),
        "target_modules": list(run.modules),
        "bias": "none",
        "use_rslora": run.method == "rslora",
        **({"use_dora": True} if run.method == "dora" else {}),
        "use_gradient_checkpointing": "unsloth" if run.arguments()["gradient_checkpointing"] else False,
        "random_state": run.seed,
    }


def _loraplus(run: PlannedRun) -> str:
    kind, more = _KINDS[str(run.values["optimizer"])]
    return _LORAPLUS.format(
        kind=kind,
        learning_rate=float(run.values["learning_rate"]),
        ratio=float(run.values["loraplus_ratio"]),
        decay=run.decay,
        more=more,
    )


def _called(function: str, arguments: Mapping[str, Any], first: str = "") -> str:
    """A call, an argument a line."""
    return f"{function}(\n{first}" + "".join(f"    {name}={value!r},\n" for name, value in arguments.items()) + ")\n"
