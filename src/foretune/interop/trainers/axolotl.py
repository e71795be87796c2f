"""A YAML file for `axolotl train`."""

from __future__ import annotations

from typing import Any

from foretune.interop.trainers.planned import TRAIN, VALIDATION, PlannedRun, as_yaml, refuse, refuse_lower_ranks


def to_axolotl(run: PlannedRun) -> tuple[str, list[str]]:
    """The file, and notes on what it cannot say."""
    refuse(run, ["ia3"], "Axolotl")
    refuse_lower_ranks(run, "Axolotl")
    notes = run.shared_notes()
    if run.method == "full":
        notes.append("Axolotl trains whole weights in bfloat16; foretune holds them in float32")
    same = run.arguments()
    kept = ("output_dir", "seed", "learning_rate", "weight_decay", "max_grad_norm", "warmup_steps", "bf16")
    kept += ("gradient_accumulation_steps", "gradient_checkpointing")
    content = {
        "base_model": run.model,
        "datasets": [_dataset(run, TRAIN)],
        "test_datasets": [_dataset(run, VALIDATION)],
        **_adapter(run, notes),
        "sequence_len": run.max_length,
        "excess_length_strategy": "truncate",
        "sample_packing": False,
        "pad_to_sequence_len": False,
        "train_on_inputs": False,
        "micro_batch_size": same["per_device_train_batch_size"],
        "eval_batch_size": same["per_device_eval_batch_size"],
        "num_epochs": same["num_train_epochs"],
        **({"max_steps": run.max_steps} if run.max_steps > 0 else {}),
        **{name: same[name] for name in kept},
        "optimizer": run.optimizer,
        "lr_scheduler": same["lr_scheduler_type"],
        **run.best_kept(),
    }
    return as_yaml(content), notes


def _dataset(run: PlannedRun, name: str) -> dict[str, Any]:
    place = {"path": str(run.data / name), "ds_type": "json", "split": "train"}
    if run.form == "text":
        return {**place, "type": "completion", "field": "text"}
    if run.form == "plain":
        fields = {"field_instruction": "prompt", "field_output": "completion"}
        # Prompt and completion follow one another as they are: the completion brings its own space.
        return {**place, "type": {**fields, "format": "{instruction}", "no_input_format": "{instruction}"}}
    return {
        **place,
        "type": "chat_template",
        "chat_template": "tokenizer_default",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "message_field_training": "train",
        "train_on_eos": "turn",
    }


def _adapter(run: PlannedRun, notes: list[str]) -> dict[str, Any]:
    if run.method == "full":
        return {}
    return {
        "adapter": "qlora" if run.method == "qlora" else "lora",
        **({"load_in_4bit": True} if run.method == "qlora" else {}),
        **({"lora_model_dir": run.begins_with} if run.begins_with else {}),
        "lora_r": run.rank,
        "lora_alpha": run.whole_alpha(notes),
        "lora_dropout": float(run.values["dropout"]),
        "lora_target_modules": list(run.modules),
        **({"peft_use_rslora": True} if run.method == "rslora" else {}),
        **({"peft_use_dora": True} if run.method == "dora" else {}),
        **({"peft_init_lora_weights": run.pissa["init_lora_weights"]} if run.method == "pissa" else {}),
        **({"loraplus_lr_ratio": float(run.values["loraplus_ratio"])} if run.method == "loraplus" else {}),
    }
