"""What to finetune with, before a single step is trained.

From fitted surrogates where the base model is of a size that they have seen, else from published sweeps over real
models, else by the rule that practitioners go by. What the surrogates have not seen of seconds and memory follows from
the shape of the model and from the accelerator.
"""

from foretune.recommendation.accelerators import Accelerator, find_accelerator
from foretune.recommendation.advice import Advice, Recommendation
from foretune.recommendation.affordable import Demand, affordable, with_memory
from foretune.recommendation.published import PublishedModel, from_published, read_published
from foretune.recommendation.rule import by_rule
from foretune.recommendation.surrogates import from_surrogates, is_of_a_size_seen
from foretune.recommendation.ties import ranked

__all__ = [
    "Accelerator",
    "Advice",
    "Demand",
    "PublishedModel",
    "Recommendation",
    "affordable",
    "by_rule",
    "find_accelerator",
    "from_published",
    "from_surrogates",
    "is_of_a_size_seen",
    "ranked",
    "read_published",
    "with_memory",
]
