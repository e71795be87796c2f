from __future__ import annotations

import json

import numpy as np
import pytest

from foretune.benchmark.peers.native_space import native_space, observed_space
from foretune.space import load_space
from foretune.types import Configuration


def test_every_hyperparameter_has_its_own_kind(space):
    kinds = {one.name: (one.kind, one.log) for one in space.parameters}
    assert kinds["method"] == ("choice", False)
    assert kinds["rank"] == ("ordered", False)
    assert kinds["learning_rate:ia3"] == ("float", True)
    assert kinds["loraplus_ratio"] == ("float", True)
    assert space.by_name["rank"].values == (2, 4, 8, 16, 32, 64)
    assert space.by_name["learning_rate:ia3"].values == (0.01, 0.3)


def test_conditions_and_weights_are_kept(space):
    rate = space.by_name["learning_rate:lora"]
    assert (rate.parent, rate.when) == ("method", ("lora", "dora"))
    assert space.by_name["method"].parent == ""
    np.testing.assert_allclose(space.by_name["optimizer"].weights, [0.75, 0.25])


def test_parents_come_before_their_children(space):
    names = [one.name for one in space.parameters]
    assert all(names.index(one.parent) < names.index(one.name) for one in space.parameters if one.parent)


def test_places_go_from_0_to_1_on_the_scale_of_the_space(space):
    assert [space.by_name["rank"].place(value) for value in (2, 8, 64)] == [0.0, 0.4, 1.0]
    assert space.by_name["loraplus_ratio"].place(8.0) == pytest.approx(0.5)
    assert space.by_name["learning_rate:lora"].place(0.0008) == 0.0


def test_ranges_are_those_of_the_base_models_width():
    wide = native_space(load_space("peft").at(768).space)
    assert wide.by_name["learning_rate:lora"].values == (0.0002, 0.0075)


def test_a_configuration_gets_the_names_of_its_method(space):
    default = load_space("peft").default()
    named = space.named(default)
    assert named["learning_rate:lora"] == default.values["learning_rate"]
    assert "loraplus_ratio" not in named
    assert len(named) == len(default.values)


def test_what_a_method_lacks_is_not_named(space):
    ia3 = next(one for one in load_space("peft").sample(200, np.random.default_rng(0)) if one.values["method"] == "ia3")
    assert {"rank", "dropout", "learning_rate:lora"}.isdisjoint(space.named(ia3))
    assert space.named(ia3)["learning_rate:ia3"] == ia3.values["learning_rate"]


def test_a_number_beyond_its_range_is_clipped_to_the_nearest_end(space):
    default = load_space("peft").default()
    fast = Configuration({**default.values, "learning_rate": 9.0})
    assert 0.0299 < space.clipped(fast)["learning_rate:lora"] < 0.03
    assert space.clipped(default) == space.named(default)


def test_it_can_be_written_as_json(space):
    read = json.loads(json.dumps(space.to_json()))
    assert [one["name"] for one in read["parameters"]] == [one.name for one in space.parameters]
    assert {one["name"] for one in read["configspace"]["hyperparameters"]} == set(space.by_name)


def test_of_a_table_without_a_search_space_hyperparameters_are_what_they_span():
    rng = np.random.default_rng(0)
    drawn = [
        {"name": word, "few": few, "rate": 10.0**rate, "share": share, "same": 1}
        for word, few, rate, share in zip(
            ["adam", "sgd"] * 10, [16, 4, 8, 4] * 5, rng.uniform(-5, -1, 20), rng.uniform(0, 1, 20), strict=True
        )
    ]
    space = observed_space([Configuration(one) for one in drawn])
    kinds = {one.name: (one.kind, one.log) for one in space.parameters}
    assert kinds == {
        "name": ("choice", False),
        "few": ("ordered", False),
        "rate": ("float", True),
        "share": ("float", False),
    }
    assert space.by_name["few"].values == (4, 8, 16)
    rates, (low, high) = [one["rate"] for one in drawn], space.by_name["rate"].values
    assert low < min(rates) < max(rates) < high
    assert (low, high) == pytest.approx((min(rates), max(rates)), rel=1e-5)
