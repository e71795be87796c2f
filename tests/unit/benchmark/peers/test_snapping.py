from __future__ import annotations

import math

import numpy as np
import pytest

from foretune.benchmark.peers.snapping import Pool, distance, places
from foretune.space import load_space
from foretune.types import Configuration

HYPERPARAMETERS = 12


@pytest.fixture(scope="module")
def default() -> Configuration:
    return load_space("peft").default()


def changed(configuration: Configuration, **values) -> Configuration:
    return Configuration({**configuration.values, **values})


def apart(space, one: Configuration, other: Configuration) -> float:
    first, second = (places(space.named(each), space) for each in (one, other))
    return distance(first, second, HYPERPARAMETERS)


def test_numbers_differ_by_their_places(space, default):
    assert apart(space, default, changed(default, rank=64)) == pytest.approx(2 / 5 / HYPERPARAMETERS)
    tenfold = changed(default, learning_rate=0.00052 * 2)
    expected = math.log(0.0052 / 0.00104) / math.log(0.03 / 0.0008)
    assert apart(space, default, tenfold) == pytest.approx(expected / HYPERPARAMETERS)


def test_different_words_are_1_apart(space, default):
    assert apart(space, default, changed(default, schedule="cosine")) == pytest.approx(1 / HYPERPARAMETERS)


def test_a_learning_rate_is_placed_within_the_range_of_its_method(space, default):
    lowest, lowest_of_pissa = (
        changed(default, learning_rate=0.0008),
        changed(default, method="pissa", learning_rate=3e-4),
    )
    assert apart(space, lowest, lowest_of_pissa) == pytest.approx(1 / HYPERPARAMETERS)


def test_what_only_one_of_them_has_counts_as_1(space, default):
    plus = changed(default, method="loraplus", loraplus_ratio=4.0, learning_rate=math.sqrt(0.0005 * 0.02))
    rate = abs(0.5 - space.by_name["learning_rate:lora"].place(0.0052))
    assert apart(space, default, plus) == pytest.approx((1 + 1 + rate) / HYPERPARAMETERS)


def test_a_recorded_configuration_is_nearest_to_itself(space):
    candidates = load_space("peft").sample(40, np.random.default_rng(0))
    pool = Pool(candidates, space)
    assert [pool.nearest(space.named(one), ()) for one in candidates] == candidates


def test_what_is_taken_is_not_given_again(space, default):
    near, far = changed(default, rank=32), changed(default, rank=64, schedule="cosine")
    pool = Pool([far, near], space)
    wanted = space.named(default)
    assert pool.nearest(wanted, ()) == near
    assert pool.nearest(wanted, [near]) == far
    assert pool.nearest(wanted, [near, far]) is None


def test_of_equally_near_ones_the_first_is_given(space, default):
    one, other = changed(default, schedule="cosine"), changed(default, schedule="constant")
    assert Pool([other, one], space).nearest(space.named(default), ()) == other


def test_adapters_that_snap_themselves_follow_the_same_rule(space, serving):
    search = load_space("peft")
    candidates = search.sample(30, np.random.default_rng(1))
    taken = candidates[:10]
    pool = Pool(candidates, space)
    start = serving.Start(
        [serving.Parameter(**one) for one in space.to_json()["parameters"]],
        {},
        [space.named(one) for one in candidates],
        8, None, {}, 0, {}, [], "",
    )  # fmt: skip
    for one in search.sample(25, np.random.default_rng(2)):
        nearest = pool.nearest(space.named(one), taken)
        assert nearest is not None
        assert start.nearest(space.named(one), [space.named(each) for each in taken]) == space.named(nearest)
