"""The rule that practitioners go by, for models that nothing is known of."""

from __future__ import annotations

from foretune.recommend.advice import Advice, Recommendation
from foretune.space import SearchSpace

SOURCE = "LoRA on all linear layers, learning rate by the width of the model (PEFT and TRL examples, muP)"


def by_rule(space: SearchSpace, why: str) -> Advice:
    """The default of the search space, with a warning.

    Args:
        space: scaled to the width of the base model.
        why: what keeps anything better from being said.
    """
    only = Recommendation(space.default(), None, None, None, SOURCE)
    return Advice((only,), "rule", "", why, (f"{why}; this is a rule of thumb: run `foretune tune`",))
