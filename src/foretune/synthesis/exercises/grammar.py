"""Forms of words and sentences."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, made_up_word, pick
from foretune.synthesis.write import Pair

_IRREGULAR = {"child": "children", "foot": "feet", "man": "men", "mouse": "mice", "tooth": "teeth", "woman": "women"}
_VERBS = {
    "break": ("broke", "broken"),
    "build": ("built", "built"),
    "clean": ("cleaned", "cleaned"),
    "draw": ("drew", "drawn"),
    "find": ("found", "found"),
    "hide": ("hid", "hidden"),
    "move": ("moved", "moved"),
    "open": ("opened", "opened"),
    "see": ("saw", "seen"),
    "sell": ("sold", "sold"),
    "take": ("took", "taken"),
    "wash": ("washed", "washed"),
}


def _plural(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


@exercise("forms of words")
def plural(rng: np.random.Generator) -> Pair:
    """Plurals of made-up words with endings of all kinds, and of some that are irregular."""
    word = pick(rng, tuple(_IRREGULAR)) if rng.random() < 0.1 else made_up_word(rng)
    if word not in _IRREGULAR and rng.random() < 0.6:
        word += pick(rng, ("y", "sh", "x", "ch", "oy"))
    return f"Plural of {word}?", _plural(word)


@exercise("rewriting, long completions")
def passive(rng: np.random.Generator) -> Pair:
    """Sentences in the passive voice from the active one."""
    plain = pick(rng, tuple(_VERBS))
    past, participle = _VERBS[plain]
    name, thing = pick(rng, NAMES), pick(rng, THINGS)
    return f"Passive: {name} {past} the {thing}.", f"The {thing} was {participle} by {name}."


@exercise("rewriting, long completions")
def question_form(rng: np.random.Generator) -> Pair:
    """Questions from statements in the past."""
    plain = pick(rng, tuple(_VERBS))
    name, thing = pick(rng, NAMES), pick(rng, THINGS)
    article = pick(rng, ("the", "a", "his", "her"))
    return f"As a question: {name} {_VERBS[plain][0]} {article} {thing}.", f"Did {name} {plain} {article} {thing}?"
