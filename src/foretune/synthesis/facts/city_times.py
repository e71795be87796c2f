"""The time of day elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from foretune.errors import DataError
from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.libraries import cities
from foretune.synthesis.facts.registry import NEW_QUESTIONS, dataset, split_by_question

# Whole hours from UTC, and no daylight saving time.
_ZONES = (
    "Africa/Accra Africa/Algiers Africa/Johannesburg Africa/Lagos Africa/Nairobi America/Caracas "
    "America/Lima America/Phoenix America/Sao_Paulo Asia/Bangkok Asia/Dhaka "
    "Asia/Dubai Asia/Manila Asia/Seoul Asia/Singapore Asia/Tashkent Asia/Tokyo Australia/Brisbane "
    "Europe/Istanbul Europe/Moscow Pacific/Honolulu"
)


@dataset(
    "city_times",
    family="clock",
    kind="numeric: look up an offset and add it",
    test_asks=NEW_QUESTIONS,
    source="time zone database, through Python's zoneinfo",
    license_name="public domain",
    libraries=("tz",),
)
def city_times(rng: np.random.Generator) -> Splits:
    """Every hour of UTC in the time of cities all over the world."""
    pairs = [
        (f"It is {hour}:00 UTC. What time is it in {city}?", f"{_there(zone, hour)}:00")
        for zone, city in cities(_ZONES).items()
        for hour in range(24)
    ]
    return split_by_question(pairs, rng)


def _there(zone: str, hour: int) -> int:
    try:
        return datetime(2024, 1, 1, hour, tzinfo=UTC).astimezone(ZoneInfo(zone)).hour
    except ZoneInfoNotFoundError as error:
        message = "these facts need the time zone database, which is not on this machine; run: pip install tzdata"
        raise DataError(message) from error
