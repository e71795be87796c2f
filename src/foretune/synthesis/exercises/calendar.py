"""Dates: weekdays, distances, order and ways to write them, all by the standard library."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import between, listed, pick
from foretune.synthesis.write import Pair

# Written here, since `calendar` and `strftime` speak the language of the machine.
MONTHS = listed("January February March April May June July August September October November December")
WEEKDAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_WEEKDAY_QUESTIONS = (
    "Which day of the week is {}?",
    "What weekday was {}?",
    "On which weekday does {} fall?",
    "Name the weekday of {}.",
    "The party is on {}. Which day of the week is that?",
    "{} is a",
)


def _draw(rng: np.random.Generator, first: int, last: int) -> date:
    """Any day from the first year to the end of the last."""
    start = date(first, 1, 1)
    return start + timedelta(days=between(rng, 0, (date(last, 12, 31) - start).days))


def _short(day: date) -> str:
    return f"{MONTHS[day.month - 1]} {day.day}"


def _long(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


@exercise("closed labels, memorized or computed")
def weekday(rng: np.random.Generator) -> Pair:
    """Weekdays of the days of 2024, in several phrasings."""
    day = _draw(rng, 2024, 2024)
    return pick(rng, _WEEKDAY_QUESTIONS).format(_long(day)), WEEKDAYS[day.weekday()]


@exercise("arithmetic with dates")
def days_later(rng: np.random.Generator) -> Pair:
    """The date up to 30 days before or after a date of 2023."""
    day, days = _draw(rng, 2023, 2023), between(rng, 1, 30)
    if rng.random() < 0.5:
        return f"Which date is {days} days after {_short(day)}, 2023?", _short(day + timedelta(days=days))
    return f"Which date is {days} days before {_short(day)}, 2023?", _short(day - timedelta(days=days))


@exercise("comparing and copying")
def earlier_date(rng: np.random.Generator) -> Pair:
    """The earlier of two dates, half of them of the same year."""
    one, other = _draw(rng, 1990, 2029), _draw(rng, 1990, 2029)
    if rng.random() < 0.5:
        other = _draw(rng, one.year, one.year)
    return f"Which date is earlier: {_long(one)} or {_long(other)}?", _long(min(one, other))


@exercise("rewriting by rules")
def iso_date(rng: np.random.Generator) -> Pair:
    """Dates as `2021-05-03`, from three ways to write them."""
    day = _draw(rng, 1950, 2049)
    text = pick(rng, (_long(day), f"{_short(day)}, {day.year}", f"{day.day}.{day.month}.{day.year}"))
    return f"Write as an ISO date: {text}", day.isoformat()


@exercise("closed labels, memorized")
def quarter(rng: np.random.Generator) -> Pair:
    """The quarter of the year that a date lies in."""
    quarters = ("first", "second", "third", "fourth")
    day = _draw(rng, 1990, 2029)
    return f"In which quarter of the year is {_long(day)}?", quarters[(day.month - 1) // 3]
