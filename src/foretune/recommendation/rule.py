"""The rule that practitioners go by, for models that nothing is known of."""

from __future__ import annotations

from foretune.recommendation.advice import Advice, Recommendation
from foretune.recommendation.schedule import with_epochs
from foretune.space import SearchSpace
from foretune.types import Configuration

SOURCE = (
    "LoRA on all linear layers, learning rate by the width of the model (PEFT and TRL examples, muP), epochs by rows"
)


def by_rule(space: SearchSpace, why: str, rows: int) -> Advice:
    """The default of the search space with epochs for the rows, and in 4 bits where the space has that; with a warning.

    Args:
        space: scaled to the width of the base model.
        why: what keeps anything better from being said.
        rows: to train on.
    """
    default = with_epochs(space.default(), rows, space)
    found = [Recommendation(default, None, None, None, SOURCE)]
    quantized = Configuration({**default.values, "method": "qlora"})
    if default.values["method"] == "lora" and "qlora" in space.methods:
        found.append(Recommendation(quantized, None, None, None, f"{SOURCE}, the base model in 4 bits"))
    return Advice(tuple(found), "rule", "", why, (f"{why}; this is a rule of thumb: run `foretune tune`",))
