"""The same content in another notation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import CITIES, NAMES, THINGS, between, pick, sample
from foretune.synthesis.write import Pair

_format = partial(exercise, family="formats")


@_format("to_markdown", kind="rewriting, long completions")
def to_markdown(rng: np.random.Generator) -> Iterator[Pair]:
    """A row of a table in Markdown from a line of CSV of two to four cells."""
    while True:
        cells = [pick(rng, NAMES), pick(rng, CITIES), pick(rng, THINGS), str(between(rng, 1, 999))]
        kept = sample(rng, cells, between(rng, 2, 4))
        yield f"As a row of Markdown: {','.join(kept)}", f"| {' | '.join(kept)} |"


@_format("to_binary", kind="rewriting by rules")
def to_binary(rng: np.random.Generator) -> Iterator[Pair]:
    """Numbers below 4096 in base two, digits set apart."""
    while True:
        number = between(rng, 1, 4095)
        yield f"Write {number} in binary.", " ".join(f"{number:b}")


@_format("query_string", kind="rewriting, long completions")
def query_string(rng: np.random.Generator) -> Iterator[Pair]:
    """Two or three settings in words as the query of an address."""
    while True:
        keys = sample(rng, ("page", "size", "sort", "city", "item"), between(rng, 2, 3))
        values = {
            "page": str(between(rng, 1, 40)),
            "size": str(between(rng, 1, 99)),
            "sort": pick(rng, ("up", "down")),
            "city": pick(rng, CITIES).lower(),
            "item": pick(rng, THINGS),
        }
        said = " and ".join(f"{key} is {values[key]}" for key in keys)
        yield f"As a query: {said}", "?" + "&".join(f"{key}={values[key]}" for key in keys)
