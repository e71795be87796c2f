"""Places and directions on a grid."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import NAMES, between, listed, pick
from foretune.synthesis.write import Pair

_WINDS = listed("north east south west")
_STEPS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}


@exercise("following instructions")
def walk(rng: np.random.Generator) -> Pair:
    """Where two to four walks end that begin at 0, 0."""
    moves = [(pick(rng, _WINDS), between(rng, 1, 9)) for _ in range(between(rng, 2, 4))]
    x = sum(_STEPS[wind][0] * count for wind, count in moves)
    y = sum(_STEPS[wind][1] * count for wind, count in moves)
    return f"From 0,0 go {', '.join(f'{wind} {count}' for wind, count in moves)}. Where?", f"{x},{y}"


@exercise("closed labels, following instructions")
def turns(rng: np.random.Generator) -> Pair:
    """The direction that somebody looks in after some turns."""
    at = between(rng, 0, 3)
    sides = [pick(rng, ("left", "right", "around")) for _ in range(between(rng, 1, 5))]
    shift = sum({"left": -1, "right": 1, "around": 2}[side] for side in sides)
    text = f"{pick(rng, NAMES)} faces {_WINDS[at]} and turns {', '.join(sides)}. Facing?"
    return text, _WINDS[(at + shift) % 4]


@exercise("arithmetic on a grid")
def cell_distance(rng: np.random.Generator) -> Pair:
    """Steps between two cells that are named like those of a spreadsheet, never going diagonally."""
    (a, i), (b, j) = ((between(rng, 0, 7), between(rng, 1, 8)) for _ in range(2))
    return f"How many steps from {'ABCDEFGH'[a]}{i} to {'ABCDEFGH'[b]}{j}?", str(abs(a - b) + abs(i - j))
