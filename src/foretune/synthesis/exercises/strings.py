"""Words and letters: what is asked for can be copied from the prompt, in another order or form."""

from __future__ import annotations

import string
from collections.abc import Iterator
from functools import partial

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import THINGS, between, pick, sample
from foretune.synthesis.write import Pair

_string = partial(exercise, family="strings")


@_string("reverse_words", kind="copying in reverse order")
def reverse_words(rng: np.random.Generator) -> Iterator[Pair]:
    """Three to six words from the last to the first."""
    while True:
        words = sample(rng, THINGS, between(rng, 3, 6))
        yield f"Reverse the words: {' '.join(words)}", " ".join(reversed(words))


@_string("sort_words", kind="copying in sorted order")
def sort_words(rng: np.random.Generator) -> Iterator[Pair]:
    """Three to five words in alphabetical order."""
    while True:
        words = sample(rng, THINGS, between(rng, 3, 5))
        yield f"Sort by the alphabet: {' '.join(words)}", " ".join(sorted(words))


@_string("initials", kind="spelling of words")
def initials(rng: np.random.Generator) -> Iterator[Pair]:
    """First letters of three to six words, as capitals."""
    while True:
        words = sample(rng, THINGS, between(rng, 3, 6))
        yield f"Write the initials of: {' '.join(words)}", " ".join(word[0].upper() for word in words)


@_string("last_letters", kind="spelling of words")
def last_letters(rng: np.random.Generator) -> Iterator[Pair]:
    """Last letters of two to five words."""
    while True:
        words = sample(rng, THINGS, between(rng, 2, 5))
        yield f"Last letter of each word: {' '.join(words)}", " ".join(word[-1] for word in words)


@_string("caesar", kind="mapping letter by letter")
def caesar(rng: np.random.Generator) -> Iterator[Pair]:
    """Three to six letters, each moved on in the alphabet by a given number of places."""
    alphabet = string.ascii_lowercase
    while True:
        offset = between(rng, 1, 9)
        letters = [pick(rng, alphabet) for _ in range(between(rng, 3, 6))]
        shifted = [alphabet[(alphabet.index(letter) + offset) % 26] for letter in letters]
        yield f"Shift by {offset}: {' '.join(letters)}", " ".join(shifted)
