"""Search spaces: which finetuning hyperparameters there are, in which ranges, and configurations as numbers."""

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
