"""How far clocks of cities are from Coordinated Universal Time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from foretune.errors import DataError
from foretune.synthesis.facts.fact import Splits, asked, split_by_wording
from foretune.synthesis.facts.libraries import cities
from foretune.synthesis.facts.registry import KNOWN_FACTS, dataset

# Without daylight saving time.
_ZONES = (
    "Africa/Accra Africa/Algiers Africa/Dakar Africa/Johannesburg Africa/Khartoum Africa/Lagos Africa/Luanda "
    "Africa/Maputo Africa/Nairobi Africa/Tripoli Africa/Tunis America/Argentina/Cordoba America/Bogota America/Caracas "
    "America/Costa_Rica America/Fortaleza America/Guatemala America/Hermosillo America/Jamaica America/La_Paz "
    "America/Lima America/Managua America/Manaus America/Montevideo America/Panama America/Phoenix America/Sao_Paulo "
    "Asia/Baghdad Asia/Baku Asia/Bangkok Asia/Colombo Asia/Dhaka Asia/Dubai Asia/Hong_Kong Asia/Jakarta Asia/Kabul "
    "Asia/Kathmandu Asia/Kolkata Asia/Magadan Asia/Manila Asia/Omsk Asia/Samarkand Asia/Seoul Asia/Shanghai "
    "Asia/Singapore Asia/Taipei Asia/Tashkent Asia/Tehran Asia/Tokyo Asia/Vladivostok Asia/Yakutsk Asia/Yangon "
    "Asia/Yekaterinburg Asia/Yerevan Atlantic/Reykjavik Australia/Brisbane Australia/Darwin Europe/Istanbul "
    "Europe/Moscow Europe/Samara Pacific/Guam Pacific/Honolulu Pacific/Noumea Pacific/Tahiti"
)
_PHRASINGS = (
    "Time zone of {}?",
    "How far is {} from UTC?",
    "Clocks in {} show",
    "Hours to add for {}?",
    "I call somebody in {}. Which time zone?",
    "{} is in the zone",
)


@dataset(
    family="clock",
    kind="numeric: hours of cities from UTC",
    test_asks=KNOWN_FACTS,
    source="time zone database, through Python's zoneinfo",
    license_name="public domain",
    libraries=("tz",),
)
def utc_offsets(rng: np.random.Generator) -> Splits:
    """Hours, and minutes if there are any, that cities are ahead of UTC or behind it."""
    facts = [asked("offset", city, _PHRASINGS, _offset(zone)) for zone, city in cities(_ZONES).items()]
    return split_by_wording(facts, rng)


def _offset(zone: str) -> str:
    """As in UTC-5 or UTC+5:30."""
    try:
        written = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).strftime("%z")
    except ZoneInfoNotFoundError as error:
        message = "these facts need the time zone database, which is not on this machine; run: pip install tzdata"
        raise DataError(message) from error
    hours, minutes = int(written[:3]), written[3:]
    return f"UTC{hours:+d}" + (f":{minutes}" if int(minutes) else "")
