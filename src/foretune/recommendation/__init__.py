"""What to finetune with, before a single step is trained.

From fitted surrogates where the base model is of a size that they have seen, else from published sweeps over real
models, else by the rule that practitioners go by. Epochs follow from the rows, and rates from the batch and the family.
What the surrogates have not seen of seconds and memory follows from the shape of the model and from the accelerator.
"""

from foretune.recommendation.accelerators import Accelerator, find_accelerator
from foretune.recommendation.advice import Advice, Recommendation
from foretune.recommendation.affordable import Demand, affordable, with_memory
from foretune.recommendation.families import Family, family_of
from foretune.recommendation.full import LORA_OR_FULL, full_finetuning
from foretune.recommendation.outlook import Outlook, outlook, recorded_cases, swept_cases
from foretune.recommendation.published import PublishedModel, Target, from_published, read_published
from foretune.recommendation.rule import by_rule
from foretune.recommendation.schedule import nearest_legal, steps_of, with_epochs
from foretune.recommendation.surrogates import from_surrogates, is_of_a_size_seen
from foretune.recommendation.ties import ranked

__all__ = [
    "LORA_OR_FULL",
    "Accelerator",
    "Advice",
    "Demand",
    "Family",
    "Outlook",
    "PublishedModel",
    "Recommendation",
    "Target",
    "affordable",
    "by_rule",
    "family_of",
    "find_accelerator",
    "from_published",
    "from_surrogates",
    "full_finetuning",
    "is_of_a_size_seen",
    "nearest_legal",
    "outlook",
    "ranked",
    "read_published",
    "recorded_cases",
    "steps_of",
    "swept_cases",
    "with_epochs",
    "with_memory",
]
