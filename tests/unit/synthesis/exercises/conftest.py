"""Rows of a generator, for the tests that compute its answers in another way."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from foretune.synthesis.exercises import EXERCISES


@pytest.fixture
def drawn() -> Callable[..., list[tuple[str, str]]]:
    """Draws prompts and completions of an exercise."""

    def draw(name: str, count: int = 300) -> list[tuple[str, str]]:
        rng = np.random.default_rng(5)
        return list(itertools.islice(EXERCISES[name].generate(rng), count))

    return draw
