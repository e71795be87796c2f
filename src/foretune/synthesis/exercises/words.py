"""Words that exercises are made of, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def listed(text: str) -> tuple[str, ...]:
    """The words of a line, so that long lists stay short here."""
    return tuple(text.split())


NAMES = listed(
    "Ada Alma Anton Boris Clara Dora Edda Emil Felix Flora Greta Hugo Ida Ines Jonas Julia Karl Lena Leo Lotte Mara "
    "Max Mila Nina Nora Olga Oscar Paul Petra Rosa Ruth Sara Selma Theo Tilda Vera Victor Wanda Yara Zoe"
)
CITIES = listed("Athens Bergen Berlin Cairo Delhi Dublin Geneva Lima Lisbon Madrid Oslo Paris Porto Prague Rome Tokyo")
COLORS = listed("black blue brown gold gray green orange pink purple red silver white yellow")
JOBS = listed("actor baker doctor driver farmer judge lawyer nurse painter pilot sailor singer tailor teacher writer")
THINGS = listed(
    "apple arm bag ball bank bell bird boat book bottle box bread bridge brush button cake candle car cat chair "
    "cheese clock cloud coat coin cow cup desk dog door dress drum duck ear egg eye farm field fire fish flag floor "
    "flower foot forest fork fox frog garden gate glass goat gold grass hand hat heart hill horse house ice island "
    "jacket jar key king kitchen knife ladder lake lamp leaf letter lion map market milk mirror money moon mountain "
    "mouse needle nest net nose ocean oven owl page paint paper pen piano picture pig pipe plate pocket pond queen "
    "rabbit rain ring river road roof rope sand school sea sheep ship shirt shoe sky snow soap song spoon star stone "
    "street sugar sun table tent tiger tower train tree valley village wall watch water wheel wind window wolf wood"
)

_ONSETS = listed("b d f g k l m n p r s t v z br dr gl kr pl st tr")
_VOWELS = listed("a e i o u")
_ENDS = listed("b d f g k l m n p r s t")


def pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """One of them."""
    return items[int(rng.integers(len(items)))]


def sample(rng: np.random.Generator, items: Sequence[Item], count: int) -> list[Item]:
    """Some of them, each at most once, in random order."""
    return [items[int(at)] for at in rng.choice(len(items), size=count, replace=False)]


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number, both ends included."""
    return int(rng.integers(low, high + 1))


def made_up_word(rng: np.random.Generator, syllables: int = 2) -> str:
    """A word that can be pronounced and most likely means nothing."""
    return "".join(pick(rng, _ONSETS) + pick(rng, _VOWELS) for _ in range(syllables)) + pick(rng, _ENDS)


def made_up_words(rng: np.random.Generator, count: int) -> list[str]:
    """So many different made-up words, in the order they were drawn."""
    words: dict[str, None] = {}
    while len(words) < count:
        words[made_up_word(rng)] = None
    return list(words)
