"""Which of three cities is on a continent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.libraries import cities
from foretune.synthesis.facts.registry import NEW_QUESTIONS, dataset, split_by_question
from foretune.synthesis.write import Pair

# Zones are grouped by continent in their names; those of cities near a border of continents are left out.
_ZONES = (
    "Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Dakar Africa/Khartoum Africa/Lagos Africa/Luanda "
    "Africa/Lusaka Africa/Maputo Africa/Nairobi Africa/Tripoli Africa/Tunis America/Bogota America/Caracas "
    "America/Chicago America/Denver America/Guatemala America/Havana America/Lima America/Montevideo America/Panama "
    "America/Phoenix America/Santiago America/Toronto Asia/Baghdad Asia/Bangkok Asia/Dhaka Asia/Hong_Kong Asia/Jakarta "
    "Asia/Karachi Asia/Manila Asia/Seoul Asia/Shanghai Asia/Tashkent Asia/Tehran Asia/Tokyo Europe/Amsterdam "
    "Europe/Athens Europe/Berlin Europe/Brussels Europe/Dublin Europe/Helsinki Europe/Lisbon Europe/Madrid Europe/Oslo "
    "Europe/Paris Europe/Rome Europe/Vienna"
)
_QUESTIONS = 460


@dataset(
    family="world",
    kind="distractors: choose one of three options",
    test_asks=NEW_QUESTIONS,
    source="names of the time zone database",
    license_name="public domain",
)
def city_choice(rng: np.random.Generator) -> Splits:
    """Questions that offer a city of the continent asked for, and two of others."""
    found: dict[str, str] = {}
    for prompt, city in _draw(rng):
        found[prompt] = city
        if len(found) == _QUESTIONS:
            break
    return split_by_question(list(found.items()), rng)


def _draw(rng: np.random.Generator) -> Iterator[Pair]:
    named = cities(_ZONES)
    while True:
        right, *others = rng.permutation(list(named))
        continent = right.split("/")[0]
        wrong = [zone for zone in others if not zone.startswith(continent)][:2]
        one, two, three = (named[zone] for zone in rng.permutation([right, *wrong]))
        yield f"Which is in {continent}: {one}, {two} or {three}?", named[right]
