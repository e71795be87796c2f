"""Prices and sums of money."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, between, pick, sample
from foretune.synthesis.write import Pair

_COINS = (500, 200, 100, 50, 20, 10, 5, 2, 1)


def _written(cents: int) -> str:
    return f"${cents // 100}.{cents % 100:02d}"


@exercise("arithmetic in sentences")
def change(rng: np.random.Generator) -> Pair:
    """What is given back on a note for one or two things."""
    prices = [5 * between(rng, 2, 150) for _ in range(between(rng, 1, 2))]
    things = sample(rng, THINGS, len(prices))
    note = next(paid for paid in (500, 1000, 2000) if paid >= sum(prices))
    bought = " and ".join(f"a {thing} for {_written(cents)}" for thing, cents in zip(things, prices, strict=True))
    return f"{pick(rng, NAMES)} buys {bought} and pays {_written(note)}. Change?", _written(note - sum(prices))


@exercise("repeated division")
def fewest_coins(rng: np.random.Generator) -> Pair:
    """The fewest notes and coins that make up a sum below $20, in cents, largest first."""
    left = cents = between(rng, 1, 1999)
    coins: list[int] = []
    for coin in _COINS:
        coins += [coin] * (left // coin)
        left %= coin
    return f"Pay {_written(cents)} with the fewest of {', '.join(map(str, _COINS))}.", " ".join(map(str, coins))


@exercise("rewriting by rules")
def round_price(rng: np.random.Generator) -> Pair:
    """Prices rounded to full dollars, halves up."""
    cents = between(rng, 100, 99_999)
    return f"Round {_written(cents)} to full dollars.", f"${(cents + 50) // 100}"
