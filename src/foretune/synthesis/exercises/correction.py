"""Sentences with one kind of mistake, and the sentences without it."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import CITIES, NAMES, THINGS, between, pick
from foretune.synthesis.write import Pair

_SENTENCES = (
    "{name} put the {thing} next to the {other}.",
    "the {thing} of {name} is in {city}.",
    "{name} lost a {thing} and found a {other}.",
    "nobody in {city} has a {thing} like {name}.",
    "a {thing} and a {other} lie on the table.",
    "last year {name} sold the {thing} in {city}.",
)
_VERBS = {
    "walk": "walks",
    "sing": "sings",
    "watch": "watches",
    "carry": "carries",
    "go": "goes",
    "have": "has",
    "paint": "paints",
    "wash": "washes",
    "study": "studies",
    "do": "does",
}


def _sentence(rng: np.random.Generator) -> str:
    slots = {"thing": pick(rng, THINGS[:90]), "other": pick(rng, THINGS[90:])}
    text = pick(rng, _SENTENCES).format(name=pick(rng, NAMES), city=pick(rng, CITIES), **slots)
    return text[0].upper() + text[1:]


@exercise("correcting spelling, long completions")
def swapped_letters(rng: np.random.Generator) -> Pair:
    """Two neighboring letters of one word were swapped."""
    right = _sentence(rng)
    words = right.split(" ")
    long = [at for at, word in enumerate(words) if len(word.strip(".")) > 3]
    at = pick(rng, long)
    place = between(rng, 0, len(words[at].strip(".")) - 2)
    word = words[at]
    words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return f"Correct the spelling: {' '.join(words)}", right


@exercise("correcting capital letters, long completions")
def capitals(rng: np.random.Generator) -> Pair:
    """Everything was written in small letters and the stop is missing."""
    right = _sentence(rng)
    return f"Write properly: {right.lower().rstrip('.')}", right


@exercise("correcting grammar, one word")
def verb_form(rng: np.random.Generator) -> Pair:
    """The verb of a sentence in the form that fits one person or several."""
    plain = pick(rng, tuple(_VERBS))
    several = rng.random() < 0.5
    subject = f"{pick(rng, NAMES[::2])} and {pick(rng, NAMES[1::2])}" if several else pick(rng, NAMES)
    wrong = _VERBS[plain] if several else plain
    text = f"{subject} {wrong} {pick(rng, ('a', 'the', 'this'))} {pick(rng, THINGS)}"
    return f"Which form of the verb is right? {text}", plain if several else _VERBS[plain]
