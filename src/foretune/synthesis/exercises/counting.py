"""Counting letters, words and things."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import COLORS, NAMES, THINGS, between, listed, pick, sample
from foretune.synthesis.write import Pair

_NUMBERS = listed("zero one two three four five six seven eight nine ten")


@exercise("counting letters")
def count_letter(rng: np.random.Generator) -> Pair:
    """How often a letter occurs in two to four words; most often it does."""
    words = " ".join(sample(rng, THINGS, between(rng, 2, 4)))
    letter = pick(rng, words.replace(" ", "")) if rng.random() < 0.8 else pick(rng, "aeioustr")
    return f"How many times is {letter} in: {words}?", str(words.count(letter))


@exercise("counting words")
def count_words(rng: np.random.Generator) -> Pair:
    """How many words a list has, in words."""
    words = sample(rng, THINGS, between(rng, 1, 10))
    return f"Count the words: {' '.join(words)}", _NUMBERS[len(words)]


@exercise("counting by a condition")
def count_colored(rng: np.random.Generator) -> Pair:
    """How many things of a color somebody has, among three entries of which two may share it."""
    colors = [pick(rng, COLORS[:5]) for _ in range(3)]
    counts = [between(rng, 1, 9) for _ in range(3)]
    things = sample(rng, THINGS, 3)
    entries = [f"{n} {color} {thing}s" for n, color, thing in zip(counts, colors, things, strict=True)]
    asked = pick(rng, colors)
    total = sum(n for n, color in zip(counts, colors, strict=True) if color == asked)
    return f"{pick(rng, NAMES)} has {', '.join(entries)}. How many {asked} things?", str(total)
