"""Budgets of a replay: `3runs` is three mean full runs of the task at hand, `300s` is 300 seconds on every task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from foretune.benchmark.replay import RecordedTask
from foretune.errors import ConfigurationError

_PATTERN = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>runs?|s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Amount:
    """How much a search may spend.

    Attributes:
        number: of units, > 0.
        unit: mean full runs of the task, or seconds.
    """

    number: float
    unit: Literal["runs", "seconds"]

    def __str__(self) -> str:
        """As tables have it, and as it can be read again: `1 run`, `3 runs`, `300s`."""
        if self.unit == "seconds":
            return f"{self.number:g}s"
        return f"{self.number:g} {'run' if self.number == 1 else 'runs'}"

    def seconds(self, recorded: RecordedTask) -> float:
        """What it is worth on a task."""
        return self.number * (recorded.mean_run_seconds if self.unit == "runs" else 1.0)


def parse_amounts(text: str) -> tuple[Amount, ...]:
    """The budgets in `1runs,3runs,300s`; each once, in the order given.

    Raises:
        ConfigurationError: if one of them is no positive number of runs, seconds, minutes or hours.
    """
    return tuple(dict.fromkeys(_parse(part) for part in text.split(",") if part.strip() or not text.strip()))


def _parse(text: str) -> Amount:
    match = _PATTERN.fullmatch(text.strip().lower())
    if not match or float(match["number"]) <= 0:
        message = (
            f"{text.strip()!r} is not a budget; give mean full runs of a task such as 3runs, or a time such as 300s, "
            "5m or 1h, several with commas between them"
        )
        raise ConfigurationError(message)
    number, unit = float(match["number"]), match["unit"]
    return Amount(number, "runs") if unit.startswith("run") else Amount(number * _SECONDS[unit], "seconds")
