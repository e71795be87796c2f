"""Full finetuning: its own learning rate, and what speaks for it or against it."""

from __future__ import annotations

import math
from dataclasses import replace

from foretune.recommendation.advice import Recommendation
from foretune.recommendation.published import Target
from foretune.recommendation.schedule import with_epochs
from foretune.space import SearchSpace

SIZE = 7.0
"""Billions of parameters that the published rates are of."""
_LORA_ONLY = ("rank", "alpha_over_rank", "dropout", "target_modules", "loraplus_ratio")

LORA_OR_FULL = (
    "LoRA or full: LoRA first. In the only published comparison at hand (Llama-3.2-3B, 20,000 rows of MetaMathQA) full "
    "finetuning was no better (47.2 % correct, LoRA of rank 32 47.8 %) and took 1.7 times the memory and 2.8 times the "
    "time. Nothing at hand shows full ahead; it is worth a run where rows are many and memory is no matter."
)
"""The figures are printed by `benchmarks/published_sweeps.py`."""


def full_finetuning(target: Target, space: SearchSpace) -> Recommendation | None:
    """Full finetuning at the median rate of the family; None where no rate is published.

    Rates are of 6 to 9 billion parameters, and fall with the square root of the parameters, as in the rule of a winner
    of the Gradients tournament.

    Args:
        target: that it is for.
        space: whose default batch and schedule are kept.
    """
    family = target.family
    if family is None or family.full_rate is None:
        return None
    share = math.sqrt(SIZE / target.billions)
    rate = float(f"{family.full_rate * share:.2g}")
    default = with_epochs(space.default(), target.rows, space)
    kept = {name: value for name, value in default.values.items() if name not in _LORA_ONLY}
    configuration = replace(default, values={**kept, "method": "full", "learning_rate": rate})
    scaled = "" if 0.9 < share < 1.1 else f", x {share:.2g} for {target.billions:.3g} billion"
    median = f"{family.full_rate:.2g}, the median of {family.name} models of 6 to 9 billion parameters"
    reason = f"lr of full finetuning: {median}{scaled}"
    return Recommendation(configuration, None, None, None, reason)
