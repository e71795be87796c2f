"""The configurations that a search chooses from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretune.metadata.common import at_width, relative_to_width
from foretune.space import SearchSpace
from foretune.types import Configuration


def candidate_pool(
    space: SearchSpace, hidden_size: int, recorded: Sequence[Configuration], count: int, rng: np.random.Generator
) -> tuple[Configuration, ...]:
    """What earlier tasks were finetuned with, as far as the space allows it, and as many draws as make `count`; without
    the default, and without what differs from another by the rounding of its learning rate alone.

    How a configuration does that was run on many tasks is known far better than how one does that merely looks like it.

    Args:
        space: at the width of the base model.
        hidden_size: that width.
        recorded: relative to width.
        count: of all; recorded ones are never cut.
        rng: of the draws.
    """
    known = [one for one in (at_width(each, hidden_size) for each in recorded) if space.allows(one)]
    drawn = space.sample(count - len(known), rng) if count > len(known) else []
    found: dict[Configuration, Configuration] = {}
    for one in (space.default(), *known, *drawn):
        found.setdefault(relative_to_width(one, hidden_size), one)
    return tuple(found.values())[1:]
