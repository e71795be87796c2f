"""Currencies of cities: two steps, from the city to its country, and on to the currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.libraries import cities, country, country_in_sentence, load
from foretune.synthesis.facts.registry import dataset
from foretune.synthesis.write import Pair

_DAY = date(2024, 1, 1)
"""Currencies are those of this day, whenever the generator runs."""
_ZONES = (
    "Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Lagos Africa/Nairobi Africa/Tunis America/Argentina/Cordoba "
    "America/Argentina/Mendoza America/Bogota America/Chicago America/Denver America/Edmonton America/Fortaleza "
    "America/Halifax America/Lima America/Los_Angeles America/Mexico_City America/Monterrey America/Montevideo "
    "America/Recife America/Santiago America/Sao_Paulo America/Tijuana America/Toronto Asia/Baghdad Asia/Bangkok "
    "Asia/Dhaka Asia/Dubai Asia/Jakarta Asia/Karachi Asia/Makassar Asia/Manila Asia/Omsk Asia/Seoul Asia/Shanghai "
    "Asia/Tokyo Australia/Hobart Australia/Melbourne Australia/Perth Australia/Sydney Europe/Berlin Europe/Budapest "
    "Europe/Copenhagen Europe/Istanbul Europe/London Europe/Madrid Europe/Moscow Europe/Oslo Europe/Paris Europe/Rome "
    "Europe/Samara Europe/Stockholm Europe/Warsaw Europe/Zurich"
)
_CITY = ("Where is {}?", "Country of {}?", "In which country is {}?")
_COUNTRY = ("Currency of {}?", "Which money has {}?", "People in {} pay with")
_BOTH = (
    "Where is {}, and how do I pay?",
    "Country and currency of {}?",
    "I am in {}. Which country and money?",
    "{}: country, currency",
)
_TRAINED, _VALIDATION = 24, 12
"""Cities that both steps are asked about in training, and in validation; the others are for the test."""


@dataset(
    family="world",
    kind="multi-step: the answer names both steps",
    test_asks="cities whose single steps were trained on, never both in one answer",
    source="Unicode CLDR and the time zone database, through Babel",
    license_name="Unicode-3.0",
    libraries=("babel",),
)
def city_currencies(rng: np.random.Generator) -> Splits:
    """Single steps about every city and country, and both steps about some cities; the rest is held out."""
    territories = load("babel.core").get_global("zone_territories")
    found = cities(_ZONES)
    codes = {found[zone]: territories[zone] for zone in rng.permutation(list(found))}
    money = {code: _currency(code) for code in sorted(set(codes.values()))}
    both = [(city, f"{country(code)}, {money[code]}") for city, code in codes.items()]
    held = _TRAINED + _VALIDATION
    rows = {
        "train": [
            *_ask(_CITY, [(city, country(code)) for city, code in codes.items()]),
            *_ask(_COUNTRY, [(country_in_sentence(code), said) for code, said in money.items()]),
            *_ask(_BOTH, both[:_TRAINED]),
        ],
        "validation": _ask(_BOTH, both[_TRAINED:held]),
        "test": _ask(_BOTH, both[held:]),
    }
    return {split: [pairs[at] for at in rng.permutation(len(pairs))] for split, pairs in rows.items()}


def _currency(code: str) -> str:
    numbers = load("babel.numbers")
    return numbers.get_currency_name(numbers.get_territory_currencies(code, start_date=_DAY)[0], locale="en")


def _ask(phrasings: Sequence[str], known: Sequence[Pair]) -> list[Pair]:
    return [(phrasing.format(subject), said) for subject, said in known for phrasing in phrasings]
