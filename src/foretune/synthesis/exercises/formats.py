"""The same content in another notation."""

from __future__ import annotations

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import CITIES, NAMES, THINGS, between, pick, sample
from foretune.synthesis.write import Pair


@exercise("rewriting, long completions")
def to_markdown(rng: np.random.Generator) -> Pair:
    """A row of a table in Markdown from a line of CSV of two to four cells."""
    cells = [pick(rng, NAMES), pick(rng, CITIES), pick(rng, THINGS), str(between(rng, 1, 999))]
    kept = sample(rng, cells, between(rng, 2, 4))
    return f"As a row of Markdown: {','.join(kept)}", f"| {' | '.join(kept)} |"


@exercise("rewriting by rules")
def to_binary(rng: np.random.Generator) -> Pair:
    """Numbers below 4096 in base two, digits set apart."""
    number = between(rng, 1, 4095)
    return f"Write {number} in binary.", " ".join(f"{number:b}")


@exercise("rewriting, long completions")
def query_string(rng: np.random.Generator) -> Pair:
    """Two or three settings in words as the query of an address."""
    keys = sample(rng, ("page", "size", "sort", "city", "item"), between(rng, 2, 3))
    values = {
        "page": str(between(rng, 1, 40)),
        "size": str(between(rng, 1, 99)),
        "sort": pick(rng, ("up", "down")),
        "city": pick(rng, CITIES).lower(),
        "item": pick(rng, THINGS),
    }
    said = " and ".join(f"{key} is {values[key]}" for key in keys)
    return f"As a query: {said}", "?" + "&".join(f"{key}={values[key]}" for key in keys)
