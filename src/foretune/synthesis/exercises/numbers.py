"""Whole numbers: other ways to write them, and sums with them."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, between, listed, pick
from foretune.synthesis.write import Pair

_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        listed("M CM D CD C XC L XL X IX V IV I"),
        strict=True,
    )
)
_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = listed("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
_UNITS = (
    ("kilometers", "meters", 1000),
    ("meters", "centimeters", 100),
    ("kilograms", "grams", 1000),
    ("liters", "milliliters", 1000),
    ("hours", "minutes", 60),
    ("minutes", "seconds", 60),
    ("days", "hours", 24),
    ("weeks", "days", 7),
    ("years", "months", 12),
    ("feet", "inches", 12),
    ("yards", "feet", 3),
    ("pounds", "ounces", 16),
)
_COUNTED = listed("apples bags balls bells birds boats books bottles cakes coins cups eggs flags hats keys")
_PROBLEMS = (
    ("{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?", lambda a, b: a + b),
    ("{name} had {c} {things} and gave away {b}. How many {things} are left?", lambda a, _: a),
    ("{name} buys {d} boxes of {b} {things} each. How many {things} is that?", lambda a, b: (2 + a % 8) * b),
    ("{name} saw {a} {things} on Monday and {b} on Tuesday. How many in all?", lambda a, b: a + b),
    ("{other} has {a} {things}, {name} has {b} more than {other}. How many does {name} have?", lambda a, b: a + b),
)


def roman(number: int) -> str:
    """A number from 1 to 3999 in Roman numerals."""
    text = ""
    for value, numeral in _ROMAN:
        count, number = divmod(number, value)
        text += count * numeral
    return text


def in_words(number: int) -> str:
    """A number below a million in English words, `42` is `forty-two`."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return f"{_TENS[tens]}-{_ONES[ones]}" if ones else _TENS[tens]
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    count, rest = divmod(number, size)
    return f"{in_words(count)} {name} {in_words(rest)}" if rest else f"{in_words(count)} {name}"


@exercise("rewriting by rules")
def to_roman(rng: np.random.Generator) -> Pair:
    """Roman numerals of numbers below 4000."""
    number = between(rng, 1, 3999)
    return f"Write {number} in Roman numerals.", roman(number)


@exercise("rewriting by rules")
def from_roman(rng: np.random.Generator) -> Pair:
    """Numbers below 4000 from Roman numerals, whose letters are set apart."""
    number = between(rng, 1, 3999)
    return f"Which number is {' '.join(roman(number))} in Roman numerals?", str(number)


@exercise("rewriting by rules, long completions")
def number_words(rng: np.random.Generator) -> Pair:
    """Numbers below 20,000 in words."""
    number = between(rng, 0, 19_999)
    return f"Write {number} in words.", in_words(number)


@exercise("arithmetic with memorized factors")
def units(rng: np.random.Generator) -> Pair:
    """Conversions between units, in whole numbers, in both directions."""
    large, small, factor = pick(rng, _UNITS)
    count = between(rng, 2, 150)
    if rng.random() < 0.5:
        return f"How many {small} are {count} {large}?", str(count * factor)
    return f"How many {large} are {count * factor} {small}?", str(count)


@exercise("comparing and copying")
def largest_number(rng: np.random.Generator) -> Pair:
    """The largest of three numbers of up to five digits."""
    numbers = [between(rng, 1, 10 ** between(rng, 2, 5) - 1) for _ in range(3)]
    return f"Which number is the largest: {', '.join(map(str, numbers))}?", str(max(numbers))


@exercise("arithmetic in sentences")
def word_problems(rng: np.random.Generator) -> Pair:
    """Sums and products of small numbers about people and things."""
    text, solve = pick(rng, _PROBLEMS)
    a, b = between(rng, 2, 60), between(rng, 2, 40)
    name, other = pick(rng, NAMES[::2]), pick(rng, NAMES[1::2])
    prompt = text.format(name=name, other=other, things=pick(rng, _COUNTED), a=a, b=b, c=a + b, d=2 + a % 8)
    return prompt, str(solve(a, b))
