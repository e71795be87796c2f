"""Search spaces that cannot be trained."""

from pathlib import Path

import pytest
from ConfigSpace import (
    CategoricalHyperparameter,
    ConfigurationSpace,
    EqualsCondition,
    InCondition,
    UniformFloatHyperparameter,
)
from space_files import described, entry, written

from foretune.errors import ConfigurationError
from foretune.space import load_space
from foretune.space.check import check_space


def test_a_hyperparameter_that_the_engine_does_not_know(tmp_path: Path) -> None:
    description = described()
    description["hyperparameters"].append({"name": "momentum", "type": "constant", "value": 0.9})
    with pytest.raises(ConfigurationError, match="'momentum' is no hyperparameter of foretune; use only method, rank"):
        load_space(written(tmp_path, description))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "dropout",
            {"sequence": [0.05, 1.5]},
            "'dropout' may be 1.5, expected a number of at least 0 and at most 0.99",
        ),
        ("rank", {"sequence": [0, 16]}, "'rank' may be 0, expected a whole number of at least 1"),
        ("rank", {"sequence": [8.0, 16.0], "default_value": 8.0}, "'rank' may be 8.0, expected a whole number"),
        (
            "schedule",
            {"choices": ["linear", "step", "cosine"]},
            "'schedule' may be 'step', expected one of constant, lin",
        ),
        ("learning_rate:ia3", {"upper": 300.0}, "'learning_rate:ia3' may be 300.0, expected a number .* at most 10"),
    ],
)
def test_values_that_cannot_be_trained(tmp_path: Path, name: str, change: dict[str, object], message: str) -> None:
    description = described()
    entry(description, name).update(change)
    with pytest.raises(ConfigurationError, match=message):
        load_space(written(tmp_path, description))


def test_a_method_without_what_it_needs(tmp_path: Path) -> None:
    description = described()
    description["conditions"] = [one for one in description["conditions"] if one["child"] != "learning_rate:ia3"]
    description["hyperparameters"].remove(entry(description, "learning_rate:ia3"))
    with pytest.raises(ConfigurationError, match="method ia3 needs learning_rate; add them"):
        load_space(written(tmp_path, description))


def test_variants_that_could_both_exist(tmp_path: Path) -> None:
    description = described()
    condition = next(one for one in description["conditions"] if one["child"] == "learning_rate:ia3")
    condition["value"] = "pissa"
    with pytest.raises(ConfigurationError, match="'learning_rate:ia3' and 'learning_rate:pissa' can be active at once"):
        load_space(written(tmp_path, description))


def test_a_space_without_a_method_is_named() -> None:
    with pytest.raises(ConfigurationError, match="search space 'mine' lacks 'method'; list it as a categorical"):
        check_space("mine", ConfigurationSpace({"rank": (1, 8)}))


def test_all_that_is_wrong_is_listed_at_once() -> None:
    space = ConfigurationSpace({"method": ["ia3", "full"], "learning_rate": (0.1, 20.0), "momentum": (0.1, 0.9)})
    with pytest.raises(ConfigurationError) as caught:
        check_space("mine", space)
    absent = "batch_size, schedule, warmup, weight_decay, optimizer, epochs"
    assert str(caught.value).split("; ")[:1] == [
        "search space 'mine': 'learning_rate' may be 20.0, expected a number of at least 1e-09 and at most 10"
    ]
    assert f"method ia3 needs {absent}, target_modules; add them (type constant: not searched)" in str(caught.value)
    assert f"method full needs {absent}; add them" in str(caught.value)


@pytest.mark.parametrize(("values", "clash"), [(("full",), False), (("full", "ia3"), True), ((), True)])
def test_variants_of_a_hyperparameter_depend_on_different_values(values: tuple[str, ...], clash: bool) -> None:
    method = CategoricalHyperparameter("method", ["ia3", "full"])
    one, other = (UniformFloatHyperparameter(name, 0.1, 0.2) for name in ("learning_rate", "learning_rate:full"))
    space = ConfigurationSpace()
    space.add(method, one, other, EqualsCondition(one, method, "ia3"))
    if values:
        space.add(InCondition(other, method, list(values)))
    with pytest.raises(ConfigurationError) as caught:
        check_space("mine", space)
    assert ("can be active at once; let them depend" in str(caught.value)) is clash
