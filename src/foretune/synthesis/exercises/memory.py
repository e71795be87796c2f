"""Facts to memorize: each is asked in several ways, so that what is held out was mostly trained on in other words.

Characters are those of Unicode 3.2, which every Python has beside the newest Unicode: the same rows everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import ucd_3_2_0

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import CITIES, COLORS, JOBS, made_up_words, pick
from foretune.synthesis.write import Pair

# Latin-1 letters and signs, Greek, Cyrillic, Armenian, arrows, mathematical operators.
_NAMED = (
    (0x21, 0x2F),
    (0xA1, 0xFF),
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x531, 0x556),
    (0x2190, 0x21A9),
    (0x2200, 0x223F),
)
_NAME_QUESTIONS = (
    "What is the character {} called?",
    "Unicode name of {}?",
    "Name the character {}.",
    "How is {} written in words?",
    "The sign {} is the",
    "I see {}. What is it?",
)
_CATEGORIES = {
    "Lu": "uppercase letter",
    "Ll": "lowercase letter",
    "Lo": "other letter",
    "Lm": "modifier letter",
    "Nd": "decimal digit",
    "No": "other number",
    "Sm": "math symbol",
    "Sc": "currency symbol",
    "Sk": "modifier symbol",
    "So": "other symbol",
    "Po": "other punctuation",
    "Ps": "opening punctuation",
    "Pe": "closing punctuation",
    "Pd": "dash",
}
_CATEGORY_QUESTIONS = (
    "What kind of character is {}?",
    "Unicode category of {}?",
    "{} is a character of which kind?",
    "Name the kind of {}.",
)
_CLASSIFIED = ((0x21, 0x24F), (0x2B0, 0x2EE), (0x386, 0x3CE), (0x400, 0x45F), (0x20A0, 0x20B1), (0x2200, 0x22FF))
_PERSON_QUESTIONS = {
    "city": ("Where does {} live?", "Which city is {} from?", "Name the city of {}.", "City of {}:", "{} lives in"),
    "job": ("What does {} do for a living?", "Which job has {}?", "Name the job of {}.", "Job of {}:", "{} works as"),
    "color": (
        "Which color does {} like?",
        "What is the favorite color of {}?",
        "Name the color of {}.",
        "Color of {}:",
        "{} loves",
    ),
}


def _characters(ranges: tuple[tuple[int, int], ...]) -> list[str]:
    """Those of the ranges, both ends included, that have a name and one of the categories."""
    every = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    return [sign for sign in every if ucd_3_2_0.category(sign) in _CATEGORIES and ucd_3_2_0.name(sign, "")]


@exercise("memorized facts, long completions", license_name="Unicode-3.0")
def character_names(rng: np.random.Generator) -> Iterator[Pair]:
    """Unicode names of letters and signs, in small letters."""
    signs = _characters(_NAMED)
    while True:
        sign = pick(rng, signs)
        yield pick(rng, _NAME_QUESTIONS).format(sign), ucd_3_2_0.name(sign).lower()


@exercise("closed labels, memorized", license_name="Unicode-3.0")
def character_kinds(rng: np.random.Generator) -> Iterator[Pair]:
    """Unicode categories of letters and signs."""
    signs = _characters(_CLASSIFIED)
    while True:
        sign = pick(rng, signs)
        yield pick(rng, _CATEGORY_QUESTIONS).format(sign), _CATEGORIES[ucd_3_2_0.category(sign)]


@exercise("memorized facts")
def made_up_people(rng: np.random.Generator) -> Iterator[Pair]:
    """City, job and favorite color of 160 people that do not exist."""
    names = [word.capitalize() for word in made_up_words(rng, 160)]
    known = {name: {"city": pick(rng, CITIES), "job": pick(rng, JOBS), "color": pick(rng, COLORS)} for name in names}
    while True:
        name = pick(rng, names)
        field = pick(rng, tuple(_PERSON_QUESTIONS))
        yield pick(rng, _PERSON_QUESTIONS[field]).format(name), known[name][field]
