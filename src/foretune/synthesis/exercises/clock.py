"""Times of day: other ways to write them, and sums with them."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, between, pick
from foretune.synthesis.write import Pair

_DAY = 24 * 60


def _written(minute: int) -> str:
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


@exercise("arithmetic with times")
def minutes_later(rng: np.random.Generator) -> Pair:
    """The time a number of minutes after a time of day, before or after midnight."""
    start, minutes = between(rng, 0, _DAY - 1), 5 * between(rng, 1, 24)
    return f"It is {_written(start)}. What time is it {minutes} minutes later?", _written(start + minutes)


@exercise("rewriting by rules")
def half_day(rng: np.random.Generator) -> Pair:
    """Times of the 24-hour clock with am and pm."""
    minute = between(rng, 0, _DAY - 1)
    hour, half = (minute // 60 - 1) % 12 + 1, "am" if minute < _DAY // 2 else "pm"
    return f"Write {_written(minute)} with am or pm.", f"{hour}:{minute % 60:02d} {half}"


@exercise("arithmetic with times")
def duration(rng: np.random.Generator) -> Pair:
    """Hours and minutes between two times of a day, in steps of ten minutes."""
    start = 10 * between(rng, 0, _DAY // 20)
    length = 10 * between(rng, 1, 40)
    name = pick(rng, NAMES)
    text = f"{name} works from {_written(start)} to {_written(start + length)}. How long?"
    return text, f"{length // 60} h {length % 60} min"
