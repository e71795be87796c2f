"""Letters by other signs, after a table that is to be learned."""

from __future__ import annotations

import string
from collections.abc import Iterator

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import THINGS, between, listed, made_up_words, pick, sample
from foretune.synthesis.write import Pair

_MORSE = dict(
    zip(
        string.ascii_lowercase,
        listed(
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- "
            "-. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
        ),
        strict=True,
    )
)


@exercise("mapping letter by letter, long completions")
def morse(rng: np.random.Generator) -> Pair:
    """Words in Morse code."""
    letters = [pick(rng, string.ascii_lowercase) for _ in range(between(rng, 2, 5))]
    return f"In Morse code: {' '.join(letters)}", " / ".join(_MORSE[letter] for letter in letters)


@exercise("rewriting by rules")
def pig_latin(rng: np.random.Generator) -> Pair:
    """One to three words whose first consonants move to the end, before `ay`."""
    words = sample(rng, THINGS, between(rng, 1, 3))
    starts = [next(at for at, letter in enumerate(word) if letter in "aeiouy") for word in words]
    changed = [word[at:] + word[:at] + "ay" for word, at in zip(words, starts, strict=True)]
    return f"In Pig Latin: {' '.join(words)}", " ".join(changed)


@exercise("memorized mapping")
def secret_names(rng: np.random.Generator) -> Iterator[Pair]:
    """A made-up word for each of 40 things, for two or three of them at a time."""
    things = sample(rng, THINGS, 40)
    names = dict(zip(things, made_up_words(rng, 40), strict=True))
    while True:
        asked = sample(rng, things, between(rng, 2, 3))
        yield f"Secret names of: {' '.join(asked)}", " ".join(names[thing] for thing in asked)
