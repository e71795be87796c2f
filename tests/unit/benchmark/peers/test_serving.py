from __future__ import annotations

import math

import numpy as np
import pytest

from foretune.space import load_space


@pytest.fixture(scope="module")
def pool(space):
    return [space.named(one) for one in load_space("peft").sample(60, np.random.default_rng(0))]


@pytest.fixture(scope="module")
def start(space, serving, pool):
    parameters = [serving.Parameter(**one) for one in space.to_json()["parameters"]]
    return serving.Start(parameters, {}, pool, 8, None, {}, 0, {}, [], "")


@pytest.fixture(scope="module")
def flat(start, serving):
    return serving.Flat(start)


def close(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        math.isclose(value, other[name]) if isinstance(value, float) else value == other[name]
        for name, value in one.items()
    )


def test_a_flat_space_has_each_hyperparameter_once_and_no_conditions(flat):
    names = [one.name for one in flat.parameters]
    assert len(names) == len(set(names)) == 13
    assert not [one for one in flat.parameters if one.parent]


def test_flat_configurations_can_be_turned_back(flat, pool):
    assert all(close(flat.native(flat.of(one)), one) for one in pool)
    assert all(close(flat.decoded(flat.encoded(one)), one) for one in pool)


def test_ordered_numbers_are_encoded_by_their_places(flat, pool):
    ranked = next(one for one in pool if one.get("rank") == 32)
    assert flat.encoded(ranked)["rank"] == 4
    assert flat.of(ranked)["rank"] == 32


def test_the_flat_default_is_that_of_the_default_method(flat, space):
    default = load_space("peft").default()
    merged = next(one for one in flat.parameters if one.name == "learning_rate")
    lora = space.by_name["learning_rate:lora"]
    assert merged.default == pytest.approx(lora.place(default.values["learning_rate"]))
    assert (merged.low, merged.high) == (0.0, 1.0)


def test_what_a_method_lacks_is_the_default(flat, pool):
    ia3 = next(one for one in pool if one["method"] == "ia3")
    assert flat.of(ia3)["rank"] == 16


def test_a_place_beyond_the_range_is_its_end(start):
    rate = start.by_name["learning_rate:ia3"]
    assert [rate.at(place) for place in (-1.0, 0.0, 1.0, 7.0)] == pytest.approx([0.01, 0.01, 0.3, 0.3])
    assert rate.at(0.5) == pytest.approx(math.sqrt(0.01 * 0.3))


def test_a_recorded_configuration_is_known_but_for_the_rounding_of_its_learning_rate(flat, pool):
    lora = next(one for one in pool if one["method"] == "lora")
    rounded = {**lora, "learning_rate:lora": float(f"{lora['learning_rate:lora']:.2g}")}
    assert flat.recorded(rounded) == lora
    assert flat.recorded({**lora, "learning_rate:lora": lora["learning_rate:lora"] * 1.3}) is None
    other = "cosine" if lora["schedule"] != "cosine" else "linear"
    assert flat.recorded({**lora, "schedule": other}) is None


def test_a_run_is_worth_its_best_loss_and_watched_by_its_latest(serving):
    result = serving.Result("1", {}, 3, [2.0, 1.0, 1.5], [1.0] * 3, ok=True)
    assert (result.loss, result.latest) == (1.0, 1.5)
    assert serving.Result("1", {}, 3, [2.0], [1.0], ok=False).loss == math.inf


def test_a_failed_run_counts_as_the_worst_so_far(serving):
    assert serving.worst([2.0, math.inf, 3.0]) == 3.0
