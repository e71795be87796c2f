"""The search space: default, sampling, checking, scaling to a base model."""

import dataclasses

import numpy as np
import pytest

from foretune.errors import ConfigurationError
from foretune.space import SearchSpace, load_space, shipped_spaces
from foretune.space.vocabulary import COMMON, NEEDS
from foretune.types import Configuration

SHIPPED = ("peft", "peft-and-full", "peft-and-qlora")


@pytest.fixture(scope="module")
def peft() -> SearchSpace:
    return load_space("peft")


def changed(configuration: Configuration, **values: object) -> Configuration:
    merged = {**configuration.values, **values}
    return Configuration({name: value for name, value in merged.items() if value is not None})


def test_three_spaces_are_shipped() -> None:
    assert shipped_spaces() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_configuration_of_a_shipped_space_has_exactly_what_its_method_needs(name: str) -> None:
    space = load_space(name)
    drawn = space.sample(200, np.random.default_rng(0))
    assert space.name == name
    for configuration in [space.default(), *drawn]:
        space.check(configuration)
        needed = {*COMMON, *NEEDS[str(configuration.values["method"])]}
        assert set(configuration.values) == needed
        assert {type(value) for value in configuration.values.values()} <= {str, int, float}


@pytest.mark.parametrize(
    ("name", "methods"),
    [
        ("peft", {"lora", "rslora", "dora", "pissa", "loraplus", "ia3"}),
        ("peft-and-full", {"lora", "rslora", "dora", "pissa", "loraplus", "ia3", "full"}),
        ("peft-and-qlora", {"lora", "rslora", "dora", "pissa", "loraplus", "ia3", "qlora"}),
    ],
)
def test_methods_that_are_drawn(name: str, methods: set[str]) -> None:
    drawn = load_space(name).sample(300, np.random.default_rng(1))
    assert {configuration.values["method"] for configuration in drawn} == methods


@pytest.mark.parametrize("name", SHIPPED)
def test_the_default_is_what_the_documentation_of_peft_suggests(name: str) -> None:
    assert load_space(name).default() == Configuration(
        {
            "method": "lora",
            "rank": 16,
            "alpha_over_rank": 2.0,
            "dropout": 0.05,
            "target_modules": "all",
            "learning_rate": 0.0052,
            "batch_size": 8,
            "schedule": "linear",
            "warmup": 0.03,
            "weight_decay": 0.0,
            "optimizer": "adamw",
            "epochs": 3,
        }
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_learning_rates_of_every_method_reach_well_to_both_sides_of_their_default(name: str) -> None:
    space = load_space(name).space
    ranges = [one for key, one in space.items() if key.startswith("learning_rate:")]
    assert len(ranges) >= 5
    for one in ranges:
        assert one.lower < one.default_value / 3 < one.default_value * 2 < one.upper, one.name


def test_samples_are_distinct_and_a_larger_sample_starts_with_the_smaller(peft: SearchSpace) -> None:
    few, many = peft.sample(20, np.random.default_rng(7)), peft.sample(100, np.random.default_rng(7))
    assert many[:20] == few
    assert len({configuration.key for configuration in many}) == 100
    assert peft.sample(20, np.random.default_rng(8)) != few


def test_sampling_leaves_the_space_as_it_was(peft: SearchSpace) -> None:
    first = peft.sample(3, np.random.default_rng(0))
    peft.sample(50, np.random.default_rng(1))
    assert peft.sample(3, np.random.default_rng(0)) == first


def test_sampling_more_than_there_are_says_so(peft: SearchSpace) -> None:
    from ConfigSpace import ConfigurationSpace, Constant

    values = {**peft.default().values, "epochs": 1}
    space = ConfigurationSpace(space={"optimizer": ["adamw", "adafactor"]})
    space.add([Constant(name, value) for name, value in values.items() if name != "optimizer"])
    tiny = SearchSpace("tiny", space)
    assert len(tiny.sample(2, np.random.default_rng(0))) == 2
    with pytest.raises(ConfigurationError, match="'tiny' yielded 2 distinct configurations, 3 were asked for"):
        tiny.sample(3, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": None}, "lacks 'rank'; give one of 2, 4, 8, 16, 32, 64"),
        ({"method": None}, "lacks 'method'; give one of lora, "),
        ({"rank": 12}, "rank=12 is not legal here; give one of 2, 4"),
        ({"rank": 8.0}, r"rank=8\.0 is not legal"),
        ({"method": "full"}, "method='full' is not legal"),
        ({"learning_rate": 0.5}, "learning_rate=0.5 is not legal here; give a number from 0.0008 to 0.03"),
        ({"learning_rate": "high"}, "learning_rate='high' is not legal"),
        ({"epochs": 2.5}, "epochs=2.5 is not legal here; give one of 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20"),
        ({"epochs": True}, "epochs=True is not legal"),
        ({"loraplus_ratio": 4.0}, "loraplus_ratio does not belong .* with method='lora'; remove it"),
        ({"method": "ia3", "learning_rate": 0.03}, "alpha_over_rank, dropout, rank does not belong"),
        ({"momentum": 0.9}, "momentum does not belong"),
    ],
)
def test_check_says_what_is_wrong(peft: SearchSpace, change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        peft.check(changed(peft.default(), **change))


def test_a_whole_number_passes_for_a_float(peft: SearchSpace) -> None:
    peft.check(changed(peft.default(), dropout=0, alpha_over_rank=2))


def test_ranges_of_the_learning_rate_depend_on_the_method(peft: SearchSpace) -> None:
    ia3 = changed(peft.default(), method="ia3", learning_rate=0.2, rank=None, alpha_over_rank=None, dropout=None)
    peft.check(ia3)
    with pytest.raises(ConfigurationError, match=r"give a number from 0\.0008 to 0\.03"):
        peft.check(changed(peft.default(), learning_rate=0.2))


def test_a_wider_model_gets_smaller_learning_rates_and_nothing_else(peft: SearchSpace) -> None:
    wide = peft.at(4096)
    assert wide.default() == changed(peft.default(), learning_rate=0.000244)
    wide.check(changed(wide.default(), learning_rate=3.76e-5))
    with pytest.raises(ConfigurationError, match=r"from 3\.75e-05 to 0\.00141"):
        wide.check(changed(wide.default(), learning_rate=0.004))


def test_scaling_there_and_back_is_the_identity(peft: SearchSpace) -> None:
    assert peft.at(192).default() == peft.default()
    assert peft.at(4096).at(192).default().values["learning_rate"] == pytest.approx(0.0052, rel=0.005)


def test_a_space_cannot_be_changed(peft: SearchSpace) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        peft.name = "other"  # type: ignore[misc]


def test_targets_that_a_model_lacks_are_left_out():
    whole = load_space("peft")
    rng = np.random.default_rng(0)
    space = whole.with_targets(("all", "attention"))
    assert space.default() == whole.default()
    assert {one.values["target_modules"] for one in space.sample(60, rng)} == {"all", "attention"}
    lacking = Configuration({**whole.default().values, "target_modules": "mlp"})
    whole.check(lacking)
    with pytest.raises(ConfigurationError, match="target_modules='mlp' is not legal here; give one of all, attention"):
        space.check(lacking)
    assert whole.with_targets(("all", "attention", "mlp")).sample(9, np.random.default_rng(1)) == whole.sample(
        9, np.random.default_rng(1)
    )


def test_a_default_that_a_model_lacks_gives_way():
    space = load_space("peft").with_targets(("attention",))
    assert space.default().values["target_modules"] == "attention"
    with pytest.raises(ConfigurationError, match="adapts attention only, which this base model lacks; add mlp to its"):
        space.with_targets(("mlp",))
