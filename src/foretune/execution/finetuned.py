"""What was finetuned, read back from disk as a user would."""

from __future__ import annotations

from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel

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
    adapted = PeftModel.from_pretrained(load_model(model, device=device), str(folder))
    return adapted.eval()
