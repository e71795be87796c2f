"""Full finetuning: its own learning rate, and what speaks for it or against it."""

from __future__ import annotations

import math
from dataclasses import replace

from foretune.recommendation.advice import Recommendation
from foretune.recommendation.published import Target
from foretune.types import Configuration

SIZE = 7.0
"""Billions of parameters that the published rates are of."""
_LORA_ONLY = ("rank", "alpha_over_rank", "dropout", "target_modules", "loraplus_ratio")

LORA_OR_FULL = (
    "LoRA or full: LoRA first. In the one published comparison at hand (Llama-3.2-3B, 20,000 rows of MetaMathQA) full "
    "finetuning was no better (47.2 % correct, LoRA of rank 32 47.8 %), took 1.7 times the memory and 2.3 times the "
    "time. Try full on a hundred thousand rows or more, where LoRA of a low rank may be too small"
)
"""Printed by `benchmarks/published_sweeps.py`, but for the last sentence, which nothing recorded here tests."""


def full_finetuning(target: Target, default: Configuration) -> Recommendation | None:
    """Full finetuning at the median rate of the family; None where no rate is published.

    Rates are of 6 to 9 billion parameters, and fall with the square root of the parameters, as in the rule of a winner
    of the Gradients tournament.

    Args:
        target: that it is for.
        default: of the search space; batch, epochs and schedule are kept.
    """
    family = target.family
    if family is None or family.full_rate is None:
        return None
    rate = float(f"{family.full_rate * math.sqrt(SIZE / target.billions):.2g}")
    kept = {name: value for name, value in default.values.items() if name not in _LORA_ONLY}
    configuration = replace(default, values={**kept, "method": "full", "learning_rate": rate})
    scaled = "" if f"{rate:.2g}" == f"{family.full_rate:.2g}" else f", {rate:.2g} for {target.billions:.3g} billion"
    reason = f"full finetuning of {family.name} at 6 to 9 billion parameters: median rate {family.full_rate:.2g}{scaled}"
    return Recommendation(configuration, None, None, None, reason)
