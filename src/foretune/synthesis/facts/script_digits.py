"""Numbers in the digits of other scripts."""

from __future__ import annotations

import unicodedata

import numpy as np

from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.registry import NEW_QUESTIONS, dataset, split_by_question

_SCRIPTS = ("ARABIC-INDIC", "BENGALI", "DEVANAGARI", "GUJARATI", "KHMER", "TAMIL", "THAI", "TIBETAN")
_NUMBERS = 58
"""Of each script, from 10 to 999."""


@dataset(
    family="numerals",
    kind="numeric: reading numbers in eight scripts",
    test_asks=NEW_QUESTIONS,
    source="Unicode, through Python's unicodedata",
    license_name="Unicode-3.0",
    libraries=("unicode",),
)
def script_digits(rng: np.random.Generator) -> Splits:
    """The value of a number in decimal digits, such as those of Devanagari."""
    pairs = [
        (f"Which number is {written}?", "".join(str(unicodedata.decimal(digit)) for digit in written))
        for script in _SCRIPTS
        for number in rng.choice(np.arange(10, 1000), _NUMBERS, replace=False)
        for written in [_written(int(number), script)]
    ]
    return split_by_question(pairs, rng)


def _written(number: int, script: str) -> str:
    zero = ord(unicodedata.lookup(f"{script} DIGIT ZERO"))
    return "".join(chr(zero + int(digit)) for digit in str(number))
