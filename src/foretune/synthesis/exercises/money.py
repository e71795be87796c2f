"""Prices and sums of money."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, between, pick, sample
from foretune.synthesis.write import Pair

_money = partial(exercise, family="money")

_COINS = (500, 200, 100, 50, 20, 10, 5, 2, 1)


def _written(cents: int) -> str:
    return f"${cents // 100}.{cents % 100:02d}"


@_money("change", kind="arithmetic in sentences")
def change(rng: np.random.Generator) -> Iterator[Pair]:
    """What is given back on a note for one or two things."""
    while True:
        prices = [5 * between(rng, 2, 150) for _ in range(between(rng, 1, 2))]
        things = sample(rng, THINGS, len(prices))
        note = next(paid for paid in (500, 1000, 2000) if paid >= sum(prices))
        bought = " and ".join(f"a {thing} for {_written(cents)}" for thing, cents in zip(things, prices, strict=True))
        yield f"{pick(rng, NAMES)} buys {bought} and pays {_written(note)}. Change?", _written(note - sum(prices))


@_money("fewest_coins", kind="repeated division")
def fewest_coins(rng: np.random.Generator) -> Iterator[Pair]:
    """The fewest notes and coins that make up a sum below $20, in cents, largest first."""
    while True:
        left = cents = between(rng, 1, 1999)
        coins: list[int] = []
        for coin in _COINS:
            coins += [coin] * (left // coin)
            left %= coin
        yield f"Pay {_written(cents)} with the fewest of {', '.join(map(str, _COINS))}.", " ".join(map(str, coins))


@_money("round_price", kind="rewriting by rules")
def round_price(rng: np.random.Generator) -> Iterator[Pair]:
    """Prices rounded to full dollars, halves up."""
    while True:
        cents = between(rng, 100, 99_999)
        yield f"Round {_written(cents)} to full dollars.", f"${(cents + 50) // 100}"
