"""A YAML file for `trl sft --config`."""

from __future__ import annotations

from typing import Any

from foretune.interop.trainers.planned import PlannedRun, as_yaml, refuse

_PLAIN_HERE = {"loraplus": "LoRA+'s higher learning rate for B", "pissa": "PiSSA's initial values"}


def to_trl(run: PlannedRun) -> tuple[str, list[str]]:
    """The file, and notes on what it cannot say."""
    refuse(run, ["ia3"], "TRL's command line")
    notes = run.shared_notes()
    if run.method in _PLAIN_HERE:
        notes.append(
            f"TRL's command line has no setting for {_PLAIN_HERE[run.method]}: this is plain LoRA, which needs another "
            "learning rate; for the same training export to peft-script"
        )
    if run.begins_with:
        notes.append(
            f"the run before left its adapter in {run.begins_with}, and TRL's command line cannot go on with an "
            "adapter: export to peft-script, axolotl or llama-factory, or merge that adapter and name the result as "
            "model_name_or_path"
        )
    content = {
        "model_name_or_path": run.model,
        "dtype": "float32" if run.method in {"full", "pissa"} else "bfloat16",
        "dataset_name": str(run.data),
        "dataset_train_split": "train",
        "dataset_test_split": "validation",
        **_adapter(run, notes),
        "max_length": run.max_length,
        "packing": False,
        **answers_learned(run, notes),
        **run.arguments(),
    }
    return as_yaml(content), notes


def answers_learned(run: PlannedRun, notes: list[str]) -> dict[str, Any]:
    """Loss on completions only, in the arguments of `SFTConfig`."""
    if run.form == "text":
        return {"dataset_text_field": "text"}
    if run.form == "plain" or run.last_only:
        return {"completion_only_loss": True}
    notes.append(
        "conversations have several answers that are learned: TRL finds them by the {% generation %} marks of the chat "
        "template, and stops where it knows no template with marks for this model"
    )
    if not run.all_learned:
        notes.append("answers that are not to be learned, in conversations with others that are, are learned, too")
    return {"assistant_only_loss": True}


def _adapter(run: PlannedRun, notes: list[str]) -> dict[str, Any]:
    if run.method == "full":
        return {"use_peft": False}
    four_bit = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "use_bnb_nested_quant": True}
    return {
        "use_peft": True,
        "lora_r": run.rank,
        "lora_alpha": run.whole_alpha(notes),
        "lora_dropout": float(run.values["dropout"]),
        "lora_target_modules": list(run.modules),
        "use_rslora": run.method == "rslora",
        "use_dora": run.method == "dora",
        **(four_bit if run.method == "qlora" else {}),
    }
