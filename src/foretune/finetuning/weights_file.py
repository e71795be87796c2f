"""The file of an adapter's weights; its header says which base model they belong on, and is read without torch."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open

WEIGHTS = "adapter_model.safetensors"
"""As PEFT calls it."""

_BASE, _FOUR_BITS = "base", "nf4"


def header(*, four_bits: bool) -> dict[str, str]:
    """The metadata of the file; PEFT reads none of it, transformers the format.

    Args:
        four_bits: whether the adapter was trained on the base model in 4 bits.
    """
    return {"format": "pt", **({_BASE: _FOUR_BITS} if four_bits else {})}


def in_four_bits(folder: Path) -> bool:
    """Whether an adapter belongs on its base model in 4 bits, as QLoRA trained it; never so of a whole model."""
    if not (folder / WEIGHTS).is_file():
        return False
    with safe_open(folder / WEIGHTS, framework="numpy") as file:
        return (file.metadata() or {}).get(_BASE) == _FOUR_BITS
