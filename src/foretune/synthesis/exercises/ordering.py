"""Putting things into an order, or finding a place in one."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, THINGS, between, listed, pick, sample
from foretune.synthesis.write import Pair

_ORDINALS = listed("first second third fourth fifth sixth")
_STEPS = (
    ("boil the water", "add the pasta", "drain the pasta", "serve the plate"),
    ("open the box", "read the note", "close the box", "send the box"),
    ("wake up", "wash the face", "eat breakfast", "go to work"),
    ("buy a seed", "dig a hole", "plant the seed", "water the plant"),
    ("write the letter", "fold the paper", "buy a stamp", "post the letter"),
    ("find the key", "unlock the door", "enter the house", "turn on the lamp"),
)


@exercise("copying in sorted order")
def sort_numbers(rng: np.random.Generator) -> Pair:
    """Three to six numbers below 200, ascending or descending."""
    numbers = sample(rng, range(200), between(rng, 3, 6))
    falling = rng.random() < 0.5
    ordered = sorted(numbers, reverse=falling)
    how = "largest first" if falling else "smallest first"
    return f"Sort, {how}: {' '.join(map(str, numbers))}", " ".join(map(str, ordered))


@exercise("finding a place")
def place_in_line(rng: np.random.Generator) -> Pair:
    """Who stands at a place of a line of people, counted from the front or from the back."""
    people = sample(rng, NAMES, between(rng, 4, 6))
    place = between(rng, 1, len(people))
    back = rng.random() < 0.5
    name = people[-place] if back else people[place - 1]
    end = "the back" if back else "the front"
    return f"In line from the front: {', '.join(people)}. Who is {_ORDINALS[place - 1]} from {end}?", name


@exercise("ordering, long completions")
def order_steps(rng: np.random.Generator) -> Pair:
    """The steps of an everyday job in their order, about a thing that names the job."""
    steps = pick(rng, _STEPS)
    mixed = sample(rng, steps, len(steps))
    place = pick(rng, THINGS)
    return f"Order the steps near the {place}: {'; '.join(mixed)}", "; ".join(steps)
