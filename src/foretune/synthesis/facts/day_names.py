"""Names of days and months in other languages."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.facts.fact import Splits, asked, split_by_wording
from foretune.synthesis.facts.libraries import load
from foretune.synthesis.facts.registry import CLDR, KNOWN_FACTS, dataset

_LANGUAGES = {"de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "nl": "Dutch"}
_PHRASINGS = (
    "{} in {}?",
    "How do you say {} in {}?",
    "What is {} called in {}?",
    "Translate {} to {}.",
    "The word for {} in {} is",
)


@dataset(
    family="translation",
    kind="look-up with two keys: a word and a language",
    test_asks=KNOWN_FACTS,
    **CLDR,
)
def day_names(rng: np.random.Generator) -> Splits:
    """Days of the week and months, from English to five languages."""
    dates = load("babel.dates")
    facts = [
        asked("word", (english, language), _PHRASINGS, said[at])
        for names, context in ((dates.get_day_names, "format"), (dates.get_month_names, "stand-alone"))
        for code, language in _LANGUAGES.items()
        for said in [names("wide", context, locale=code)]
        for at, english in names("wide", context, locale="en").items()
    ]
    return split_by_wording(facts, rng)
