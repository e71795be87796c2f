"""Dates as they are written elsewhere."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.libraries import country_in_sentence, load
from foretune.synthesis.facts.registry import CLDR, NEW_QUESTIONS, dataset, split_by_question
from foretune.synthesis.write import Pair

_LOCALES = ("de_DE", "en_GB", "en_US", "es_ES", "fi_FI", "hu_HU", "ja_JP", "nl_NL", "pl_PL", "sv_SE")
_FIRST, _DAYS, _QUESTIONS = date(1990, 1, 1), 365 * 40, 460


@dataset(
    family="calendar",
    kind="dates: rewriting by the rules of a country",
    test_asks=NEW_QUESTIONS,
    **CLDR,
)
def local_dates(rng: np.random.Generator) -> Splits:
    """Short dates: order of day, month and year, separator, and zeros differ between ten countries."""
    write = load("babel.dates").format_date
    pairs: list[Pair] = []
    for at, days in enumerate(rng.choice(_DAYS, _QUESTIONS, replace=False)):
        day, locale = _FIRST + timedelta(int(days)), _LOCALES[at % len(_LOCALES)]
        words = write(day, "long", locale="en_US")
        pairs.append((f"{words}, as written in {country_in_sentence(locale[3:])}?", write(day, "short", locale=locale)))
    return split_by_question(pairs, rng)
