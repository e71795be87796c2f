"""Conclusions from a few statements."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, between, made_up_word, pick, sample
from foretune.synthesis.write import Pair

_SCALES = (("taller", "tallest", "shortest"), ("older", "oldest", "youngest"), ("faster", "fastest", "slowest"))


@exercise("conclusions from comparisons")
def extreme_person(rng: np.random.Generator) -> Pair:
    """Who is at an end of a scale, from comparisons of neighbors in random order."""
    more, most, least = pick(rng, _SCALES)
    people = sample(rng, NAMES, between(rng, 3, 4))
    said = [f"{one} is {more} than {two}." for one, two in pairwise(people)]
    top = rng.random() < 0.5
    text = " ".join(sample(rng, said, len(said)))
    return f"{text} Who is the {most if top else least}?", people[0] if top else people[-1]


@exercise("closed labels, evaluating formulas")
def truth_value(rng: np.random.Generator) -> Pair:
    """The value of a formula of four truth values."""
    values, negated = ([bool(rng.integers(2)) for _ in range(4)] for _ in range(2))
    ways = [pick(rng, ("and", "or")) for _ in range(3)]
    one, two, three, four = (("not " if no else "") + str(v).lower() for v, no in zip(values, negated, strict=True))
    a, b, c, d = (value != no for value, no in zip(values, negated, strict=True))
    result = _joined(_joined(a, ways[0], b), ways[1], _joined(c, ways[2], d))
    return f"( {one} {ways[0]} {two} ) {ways[1]} ( {three} {ways[2]} {four} ) =", str(result).lower()


def _joined(one: bool, way: str, other: bool) -> bool:
    return (one and other) if way == "and" else (one or other)


@exercise("yes or no, conclusions from rules")
def category_chain(rng: np.random.Generator) -> Pair:
    """Whether something has a property that all members of a made-up kind have, or none have."""
    kind, wider = made_up_word(rng), made_up_word(rng)
    thing, none = pick(rng, THINGS), rng.random() < 0.5
    member = rng.random() < 0.7
    name = pick(rng, NAMES)
    rule = f"{'No' if none else 'Every'} {wider} has a {thing}."
    link = f"Every {kind} is a {wider}." if member else f"No {kind} is a {wider}."
    answer = "unknown" if not member else "no" if none else "yes"
    return f"{rule} {link} {name} is a {kind}. Does {name} have a {thing}?", answer
