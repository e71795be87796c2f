"""Search spaces: which finetuning hyperparameters there are, in which ranges, and configurations as numbers.

ConfigSpace takes a second to import, and the vocabulary alone does not need it: names are loaded when asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretune.space.encoding import Encoder
    from foretune.space.learning_rate import learning_rate_reference
    from foretune.space.load import load_space, shipped_spaces, write_space
    from foretune.space.observed import observed_encoder
    from foretune.space.space import SearchSpace

__all__ = [
    "Encoder",
    "SearchSpace",
    "learning_rate_reference",
    "load_space",
    "observed_encoder",
    "shipped_spaces",
    "write_space",
]

_HOMES = {
    "Encoder": "encoding",
    "SearchSpace": "space",
    "learning_rate_reference": "learning_rate",
    "load_space": "load",
    "observed_encoder": "observed",
    "shipped_spaces": "load",
    "write_space": "load",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
