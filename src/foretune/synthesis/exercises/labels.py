"""Sentences from templates with a label; most of their training labels are right, some on purpose wrong.

Wrong labels reward those who stop early: a model that learns every row learns them, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, between, made_up_word, made_up_words, pick
from foretune.synthesis.write import Pair

_REVIEWS = (
    "The {thing} was {one} and the {other} was {two}.",
    "I found the {thing} {one}, but the {other} {two}.",
    "{name} said the {thing} is {one} and {two}.",
    "{name} calls the {thing} {one} and the {other} {two}.",
)
_SIGHTINGS = (
    "{name} saw a {word} near the {thing}.",
    "There is a {word} in the {thing}.",
    "Last night {name} dreamed of a {word} and the {thing}.",
    "Please bring me the {word} from the {thing}.",
)
_ENDINGS = {"animal": ("ax", "ump"), "plant": ("elo", "irra"), "tool": ("ock", "ench"), "food": ("ini", "oosh")}
_REQUESTS = {
    "alarm": ("Wake me at {n}.", "Set the alarm to {n}, {name} gets up then.", "{name} must be up at {n}."),
    "shopping": ("We are out of {thing}, buy {n}.", "Put {thing} on the list for {name}.", "Buy {name} the {thing}."),
    "message": (
        "Tell {name} that the {thing} is here.",
        "Write to {name} about the {thing}.",
        "Let {name} know at {n}.",
    ),
    "music": ("Play the song about the {thing}.", "I want to hear {name}.", "Play {n} songs by {name}."),
    "search": ("Where is the nearest {thing}?", "Look up how old {name} is.", "What does the {thing} cost?"),
    "reminder": ("Do not let me forget the {thing}.", "Remind {name} of the {thing} at {n}.", "Note: {thing} at {n}."),
}


@exercise("closed labels, wrong for a part of the training rows", wrong_share=0.18)
def noisy_mood(rng: np.random.Generator) -> Iterator[Pair]:
    """Positive, negative or mixed, by two made-up words of praise or blame, either of which may be negated."""
    words = made_up_words(rng, 80)
    praise = frozenset(words[::2])

    def judge() -> tuple[str, bool]:
        word, negated = pick(rng, words), rng.random() < 0.2
        return ("not " if negated else "") + word, (word in praise) != negated

    while True:
        (one, good), (two, fine) = judge(), judge()
        slots = {"thing": pick(rng, THINGS[:40]), "other": pick(rng, THINGS[40:80]), "name": pick(rng, NAMES)}
        mood = "mixed" if good != fine else "positive" if good else "negative"
        yield f"{pick(rng, _REVIEWS).format(one=one, two=two, **slots)} Mood?", mood


@exercise("closed labels, wrong for a part of the training rows", wrong_share=0.15)
def noisy_word_class(rng: np.random.Generator) -> Pair:
    """Animal, plant, tool or food, by the ending of a made-up word."""
    label = pick(rng, tuple(_ENDINGS))
    word = made_up_word(rng, syllables=1) + pick(rng, _ENDINGS[label])
    sentence = pick(rng, _SIGHTINGS).format(word=word, name=pick(rng, NAMES), thing=pick(rng, THINGS))
    return f"{sentence} What is a {word}?", label


@exercise("closed labels, easy")
def requests(rng: np.random.Generator) -> Pair:
    """What a spoken request is about."""
    label = pick(rng, tuple(_REQUESTS))
    text = pick(rng, _REQUESTS[label])
    return text.format(n=between(rng, 2, 12), name=pick(rng, NAMES), thing=pick(rng, THINGS)), label
