"""Plain values out of ConfigSpace."""

from pathlib import Path

import numpy as np
import pytest
from ConfigSpace import (
    AndConjunction,
    CategoricalHyperparameter,
    ConfigurationSpace,
    Constant,
    EqualsCondition,
    InCondition,
    NormalFloatHyperparameter,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from ConfigSpace.hyperparameters import Hyperparameter
from space_files import described, written

from foretune.errors import ConfigurationError
from foretune.space import load_space
from foretune.space.domain import Activity, activity, describe, is_ordered, is_range, legal_values, meta, plain

KIND = CategoricalHyperparameter("kind", ["a", "b", "c"])
SIZE = OrdinalHyperparameter("size", [1, 2, 8])
FIXED = Constant("fixed", 0.5, meta={"why": "usual"})
RATE = UniformFloatHyperparameter("rate", 0.1, 0.5)
COUNT = UniformIntegerHyperparameter("count", 1, 9)


@pytest.mark.parametrize(
    ("hyperparameter", "values", "ranged", "ordered", "words"),
    [
        (KIND, ("a", "b", "c"), False, False, "one of a, b, c"),
        (SIZE, (1, 2, 8), False, True, "one of 1, 2, 8"),
        (FIXED, (0.5,), False, True, "one of 0.5"),
        (RATE, (0.1, 0.5), True, True, "a number from 0.1 to 0.5"),
        (COUNT, (1, 9), True, True, "a whole number from 1 to 9"),
        (OrdinalHyperparameter("size", [8, 2]), (8, 2), False, False, "one of 8, 2"),
        (OrdinalHyperparameter("size", ["s", "l"]), ("s", "l"), False, False, "one of s, l"),
        (CategoricalHyperparameter("n", [1, 2]), (1, 2), False, False, "one of 1, 2"),
        (Constant("on", True), (True,), False, False, "one of True"),
    ],
)
def test_a_hyperparameter_in_plain_values(hyperparameter, values, ranged, ordered, words) -> None:
    assert legal_values(hyperparameter) == values
    assert [type(value) for value in legal_values(hyperparameter)] == [type(value) for value in values]
    assert (is_range(hyperparameter), is_ordered(hyperparameter)) == (ranged, ordered)
    assert describe(hyperparameter) == words


def test_other_kinds_are_refused_with_those_to_use() -> None:
    class Odd(Hyperparameter):
        def __init__(self) -> None:
            self.name = "odd"

    with pytest.raises(ConfigurationError, match="hyperparameter 'odd' is a Odd; use the types categorical, ordinal"):
        legal_values(Odd())
    bounded = NormalFloatHyperparameter("rate", mu=0.2, sigma=0.1, lower=0.1, upper=0.5)
    assert legal_values(bounded) == (0.1, 0.5)


def test_values_lose_the_types_of_numpy() -> None:
    found = [plain(value) for value in (np.int64(3), np.float64(0.5), np.str_("a"), np.bool_(True), 3, "a")]
    assert found == [3, 0.5, "a", True, 3, "a"]
    assert [type(value) for value in found] == [int, float, str, bool, int, str]


def test_notes_on_a_hyperparameter() -> None:
    assert [meta(FIXED, "why"), meta(FIXED, "who"), meta(KIND, "why")] == ["usual", None, None]


def test_when_a_hyperparameter_exists() -> None:
    space = ConfigurationSpace()
    space.add(KIND, SIZE, FIXED, RATE, COUNT)
    space.add(EqualsCondition(SIZE, KIND, "a"), InCondition(FIXED, KIND, ["a", "c"]))
    space.add(AndConjunction(EqualsCondition(RATE, KIND, "a"), EqualsCondition(RATE, COUNT, 3)))
    assert activity(space, "kind") is None
    assert activity(space, "size") == Activity("kind", ("a",))
    assert activity(space, "fixed") == Activity("kind", ("a", "c"))
    with pytest.raises(
        ConfigurationError, match=r"'rate' has the condition .*; use a single condition of type EQ or IN"
    ):
        activity(space, "rate")


def test_conditions_of_another_kind(tmp_path: Path) -> None:
    description = described()
    condition = next(one for one in description["conditions"] if one["child"] == "loraplus_ratio")
    condition.update(type="NEQ", value="lora")
    with pytest.raises(ConfigurationError, match="use a single condition of type EQ or IN"):
        load_space(written(tmp_path, description))
