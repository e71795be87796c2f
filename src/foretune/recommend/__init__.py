"""What to finetune with, before a single step is trained.

From fitted surrogates where the base model is of a size that they have seen, else from published sweeps over real
models, else by the rule that practitioners go by. What the surrogates have not seen of seconds and memory follows from
the shape of the model and from the accelerator.
"""

from foretune.recommend.accelerators import Accelerator, find_accelerator
from foretune.recommend.advice import Advice, Recommendation
from foretune.recommend.affordable import Demand, affordable, with_memory
from foretune.recommend.published import PublishedModel, from_published, read_published
from foretune.recommend.rule import by_rule
from foretune.recommend.surrogates import from_surrogates, is_of_a_size_seen
from foretune.recommend.ties import ranked

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
