"""The shape of a language model of which only the name is known."""

from __future__ import annotations

import re

from foretune.metadata.shape import ModelShape

__all__ = ["ModelShape", "shape_of_size"]

_ASPECT = 128
"""Width over layers that a model is taken to have whose configuration is not there: GPT-3 has 12,288 / 96, Llama-3.1-8B
4,096 / 32."""
_VOCABULARY = 150_000
"""Between those of Llama 3 (128,256) and of Qwen 3 (151,936)."""
_ACTIVE = re.compile(r"-[aA](\d+(?:\.\d+)?)[bB](?![a-zA-Z])")


def shape_of_size(name: str, billions: float) -> ModelShape:
    """A typical shape where only the size is known: 12 L h^2 parameters (Kaplan et al., 2020) and L = h / 128 layers.

    Queries are as wide as the model, keys and values a quarter of that; of a mixture such as `Qwen3-30B-A3B` the active
    parameters decide the shape, and all of them are held in memory.

    Args:
        name: of the model.
        billions: of all parameters.
    """
    active = _ACTIVE.search(name)
    width = (1e9 * (float(active[1]) if active else billions) * _ASPECT / 12) ** (1 / 3)
    inner = (12 - 2 - 0.5) / 3 * width
    whole = round(width)
    return ModelShape(
        layers=max(round(width / _ASPECT), 1),
        width=whole,
        inner=round(inner),
        queries=whole,
        pairs=whole // 4,
        vocabulary=_VOCABULARY,
        embeddings=float(_VOCABULARY * whole),
        parameters=1e9 * billions,
    )
