"""Words and letters: what is asked for can be copied from the prompt, in another order or form."""

from __future__ import annotations

import string

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import THINGS, between, pick, sample
from foretune.synthesis.write import Pair


@exercise("copying in reverse order")
def reverse_words(rng: np.random.Generator) -> Pair:
    """Three to six words from the last to the first."""
    words = sample(rng, THINGS, between(rng, 3, 6))
    return f"Reverse the words: {' '.join(words)}", " ".join(reversed(words))


@exercise("copying in sorted order")
def sort_words(rng: np.random.Generator) -> Pair:
    """Three to five words in alphabetical order."""
    words = sample(rng, THINGS, between(rng, 3, 5))
    return f"Sort by the alphabet: {' '.join(words)}", " ".join(sorted(words))


@exercise("spelling of words")
def initials(rng: np.random.Generator) -> Pair:
    """First letters of three to six words, as capitals."""
    words = sample(rng, THINGS, between(rng, 3, 6))
    return f"Write the initials of: {' '.join(words)}", " ".join(word[0].upper() for word in words)


@exercise("spelling of words")
def last_letters(rng: np.random.Generator) -> Pair:
    """Last letters of two to five words."""
    words = sample(rng, THINGS, between(rng, 2, 5))
    return f"Last letter of each word: {' '.join(words)}", " ".join(word[-1] for word in words)


@exercise("mapping letter by letter")
def caesar(rng: np.random.Generator) -> Pair:
    """Three to six letters, each moved on in the alphabet by a given number of places."""
    alphabet = string.ascii_lowercase
    offset = between(rng, 1, 9)
    letters = [pick(rng, alphabet) for _ in range(between(rng, 3, 6))]
    shifted = [alphabet[(alphabet.index(letter) + offset) % 26] for letter in letters]
    return f"Shift by {offset}: {' '.join(letters)}", " ".join(shifted)
