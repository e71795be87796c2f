from __future__ import annotations

import numpy as np

from foretune.metadata.common import at_width, relative_to_width
from foretune.optimizer.pool import candidate_pool
from foretune.space import load_space

WIDTH = 256
SPACE = load_space("peft", hidden_size=WIDTH)


def recorded(count: int, *, width: int = 192):
    """As they were run on base models of another width."""
    drawn = load_space("peft", hidden_size=width).sample(count, np.random.default_rng(5))
    return [relative_to_width(one, width) for one in drawn]


def pool(known, count, seed=0):
    return candidate_pool(SPACE, WIDTH, known, count, np.random.default_rng(seed))


def test_recorded_configurations_come_first_at_the_width_of_the_base_model():
    known = recorded(10)
    found = pool(known, 30)
    assert [relative_to_width(one, WIDTH) for one in found[:10]] == known
    assert found[0] == at_width(known[0], WIDTH)
    assert len(found) == 30


def test_recorded_ones_are_never_cut():
    assert len(pool(recorded(10), 3)) == 10


def test_what_the_space_does_not_allow_is_left_out():
    ranks = [one for one in recorded(40) if "rank" in one.values]
    odd = [type(one)({**one.values, "rank": 7}) for one in ranks]
    assert pool(odd, 5) == pool([], 5)


def test_neither_the_default_nor_anything_else_is_there_twice():
    default = relative_to_width(SPACE.default(), WIDTH)
    drawn = [relative_to_width(one, WIDTH) for one in SPACE.sample(10, np.random.default_rng(0))]
    found = [relative_to_width(one, WIDTH) for one in pool([default, *drawn], 21)]
    assert default not in found
    assert len(found) == len(set(found))
    assert set(drawn) <= set(found)
