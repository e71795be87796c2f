"""Codes of currencies, by country."""

from __future__ import annotations

from datetime import date

import numpy as np

from foretune.synthesis.facts.fact import Splits, asked, split_by_wording
from foretune.synthesis.facts.libraries import country_in_sentence, load
from foretune.synthesis.facts.registry import CLDR, KNOWN_FACTS, dataset

_DAY = date(2024, 1, 1)
"""Currencies are those of this day, whenever the generator runs."""
_COUNTRIES = (
    "AR AU BD BR CA CL CN CO CR DK EG ET FI DE GH GR HU IS IN ID IQ IL IT JP JO KE KW LA MY MX MN MA NP NZ NG NO PK PY "
    "PE PH PL QA RO RU SA RS ZA KR ES LK SE CH TZ TH TN UA AE GB US UY VN"
)
_PHRASINGS = (
    "Currency code of {}?",
    "Which code has the currency of {}?",
    "Prices in {} are in",
    "How is the money of {} abbreviated?",
    "Three letters for the currency of {}?",
    "I pay in {}. Which currency code?",
)


@dataset(
    family="world",
    kind="paraphrases: one fact in six wordings",
    test_asks=KNOWN_FACTS,
    **CLDR,
)
def currency_codes(rng: np.random.Generator) -> Splits:
    """ISO codes, such as JPY, of countries' currencies."""
    currencies = load("babel.numbers").get_territory_currencies
    codes = {code: currencies(code, start_date=_DAY)[0] for code in _COUNTRIES.split()}
    return split_by_wording(
        [asked("currency", country_in_sentence(code), _PHRASINGS, said) for code, said in codes.items()], rng
    )
