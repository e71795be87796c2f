"""A YAML file for `llamafactory-cli train`, and the `dataset_info.json` that it finds its rows by."""

from __future__ import annotations

from typing import Any

from foretune.interop.trainers.planned import TRAIN, VALIDATION, PlannedRun, as_yaml, refuse, refuse_lower_ranks

_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
    "observation_tag": "tool",
}
_COLUMNS = {
    "chat": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _TAGS},
    "plain": {"formatting": "alpaca", "columns": {"prompt": "prompt", "response": "completion"}},
    "text": {"formatting": "alpaca", "columns": {"prompt": "text"}},
}
_NAMES = {"dataset": "foretune_train", "eval_dataset": "foretune_validation"}


def to_llama_factory(run: PlannedRun) -> tuple[str, list[str]]:
    """The file, and notes on what it cannot say."""
    refuse(run, ["ia3"], "LLaMA-Factory")
    refuse_lower_ranks(run, "LLaMA-Factory")
    notes = run.shared_notes()
    if run.form == "chat":
        notes.append(
            "no template is named, so LLaMA-Factory takes it from the tokenizer's chat template; name one of its own "
            "(template: ...) where it has one for this model"
        )
    if run.form == "chat" and not run.last_only and not run.all_learned:
        notes.append("answers that are not to be learned, in conversations with others that are, are learned, too")
    arguments = run.arguments()
    checkpointing = arguments.pop("gradient_checkpointing")
    content = {
        "stage": "pt" if run.form == "text" else "sft",
        "do_train": True,
        "do_eval": True,
        "model_name_or_path": run.model,
        **_adapter(run, notes),
        "dataset_dir": str(run.data),
        **_NAMES,
        **({} if run.form == "chat" else {"template": "empty"}),
        "cutoff_len": run.max_length,
        "packing": False,
        "train_on_prompt": False,
        "mask_history": run.last_only and run.form == "chat",
        "disable_gradient_checkpointing": not checkpointing,
        **arguments,
    }
    return as_yaml(content), notes


def dataset_info(run: PlannedRun) -> dict[str, Any]:
    """The content of `dataset_info.json`, which lies beside the rows."""
    files = dict(zip(_NAMES.values(), (TRAIN, VALIDATION), strict=True))
    return {name: {"file_name": file, **_COLUMNS[run.form]} for name, file in files.items()}


def _adapter(run: PlannedRun, notes: list[str]) -> dict[str, Any]:
    if run.method == "full":
        return {"finetuning_type": "full", "pure_bf16": False}
    four_bit = {"quantization_bit": 4, "quantization_type": "nf4", "double_quantization": True}
    iterations = -1 if run.pissa.get("init_lora_weights") == "pissa" else 4  # -1 is the exact decomposition
    pissa = {"pissa_init": True, "pissa_iter": iterations, "pissa_convert": True}
    going_on = {"adapter_name_or_path": run.begins_with, "create_new_adapter": False}
    return {
        "finetuning_type": "lora",
        **(going_on if run.begins_with else {}),
        "lora_rank": run.rank,
        "lora_alpha": run.whole_alpha(notes),
        "lora_dropout": float(run.values["dropout"]),
        "lora_target": ",".join(run.modules),
        "use_rslora": run.method == "rslora",
        "use_dora": run.method == "dora",
        **({"loraplus_lr_ratio": float(run.values["loraplus_ratio"])} if run.method == "loraplus" else {}),
        **(pissa if run.method == "pissa" else {}),
        **(four_bit if run.method == "qlora" else {}),
    }
