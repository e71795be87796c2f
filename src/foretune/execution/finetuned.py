"""What was finetuned, read back from disk as a user would."""

from __future__ import annotations

import warnings
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel

from foretune.finetune.fast_layers import use_fast_layers
from foretune.finetune.model import load_model


def load_finetuned(folder: Path, model: str, *, device: str = "cpu") -> PreTrainedModel | PeftModel:
    """A base model with its adapter, or a whole finetuned model.

    Args:
        folder: what a run left in `best/`: an adapter or, after full finetuning, a model.
        model: name or folder of the base model.
        device: where to.
    """
    if not (folder / "adapter_config.json").is_file():
        return load_model(folder, device=device)
    base = load_model(model, device=device)
    with warnings.catch_warnings():
        # PEFT 0.21 asks transformers 5 for an attribute by its old name.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        finetuned = PeftModel.from_pretrained(base, str(folder)).eval()
    if device == "cpu":
        use_fast_layers(finetuned)  # as it was trained and scored
    return finetuned
