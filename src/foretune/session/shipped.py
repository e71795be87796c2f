"""What foretune has learned before it is installed: surrogates for small base models, and for larger ones."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.metadata.shape import ModelShape

TINY, REAL = "foretune-tiny-v1", "smollm2-v1"
LEAST_PARAMETERS = 6e7
"""Besides embeddings; from here on a base model is nearer in size to that of `smollm2-v1` than to any in the other."""


def learned_from(shape: ModelShape) -> tuple[str, ...]:
    """The shipped meta-datasets that tell most about a base model.

    Surrogates for tiny models have not learned from the LLM, which does them no good.
    """
    return (TINY, REAL) if shape.matrices >= LEAST_PARAMETERS else (TINY,)


def shipped_surrogates(shape: ModelShape) -> Path:
    """Folder of the surrogates that were fitted on them."""
    return Path(str(resources.files("foretune"))) / "data" / "surrogates" / learned_from(shape)[-1]
