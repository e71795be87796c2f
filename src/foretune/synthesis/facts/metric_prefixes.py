"""Conversions between metric units."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from scipy import constants

from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.registry import NEW_QUESTIONS, dataset, split_by_question

_PREFIXES = ("giga", "mega", "kilo", "hecto", "", "deci", "centi", "milli", "micro", "nano")
_UNITS = ("grams", "liters", "meters", "seconds", "volts", "watts")
_MOST = 1e6
_QUESTIONS = 460


@dataset(
    family="numerals",
    kind="conversions between metric units",
    test_asks=NEW_QUESTIONS,
    source="SciPy's constants",
    license_name="BSD-3-Clause",
    libraries=("scipy",),
)
def metric_prefixes(rng: np.random.Generator) -> Splits:
    """How many of a small unit are so many of a large one; factors are powers of ten up to a million."""
    sizes = {prefix: float(getattr(constants, prefix)) if prefix else 1.0 for prefix in _PREFIXES}
    steps = [
        (large, small, round(sizes[large] / sizes[small]))
        for large, small in permutations(sizes, 2)
        if 1 < sizes[large] / sizes[small] < 2 * _MOST
    ]
    every = [
        (f"How many {small}{unit} are {count} {large}{unit}?", str(count * factor))
        for large, small, factor in steps
        for unit in _UNITS
        for count in range(2, 20)
    ]
    return split_by_question([every[at] for at in rng.choice(len(every), _QUESTIONS, replace=False)], rng)
