"""Time as people write and say it: `90s`, `3m`, `2h`, `1h30m`; `2 min 30 s`."""

from __future__ import annotations

import re

from foretune.errors import ConfigurationError
from foretune.report.spoken import format_seconds

__all__ = ["format_seconds", "parse_seconds"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


def parse_seconds(text: str) -> float:
    """Seconds of a written duration; a bare number is seconds.

    Raises:
        ConfigurationError: it is not a positive duration.
    """
    match = _PATTERN.fullmatch(text.strip().lower())
    seconds = sum(float(match[unit] or 0) * length for unit, length in _UNITS.items()) if match else 0.0
    if seconds <= 0:
        raise ConfigurationError(f"{text!r} is not a duration; write for instance 90s, 3m, 2h or 1h30m")
    return seconds
