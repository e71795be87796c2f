"""One hyperparameter as numbers: rulers and choices, by positions computed by hand."""

import math

import pytest

from foretune.errors import ConfigurationError
from foretune.space.column import Choice, Number, Ruler, column_from_json

RANK = Number("rank", (Ruler((4.0, 8.0, 32.0)),), None, -1.0)
RATE = Number(
    "rate",
    (Ruler((1.0, 100.0), log=True, when=("lora",)), Ruler((10.0, 1000.0), log=True, hidden_size=200, when=("ia3",))),
    "method",
    0.5,
)
KIND = Choice("kind", ("a", "b"), "method", ("lora",), "b")


@pytest.mark.parametrize(
    ("ruler", "value", "position"),
    [
        (Ruler((4.0, 8.0, 32.0)), 4, 0.0),
        (Ruler((4.0, 8.0, 32.0)), 8, 0.5),
        (Ruler((4.0, 8.0, 32.0)), 20, 0.75),
        (Ruler((4.0, 8.0, 32.0)), 56, 1.5),
        (Ruler((4.0, 8.0, 32.0)), 0, -0.5),
        (Ruler((1.0, 100.0), log=True), 10.0, 0.5),
        (Ruler((1.0, 100.0), log=True), 0.1, -0.5),
        (Ruler((5.0,)), 7.5, 2.5),
        (Ruler((2.0,), log=True), 2 * math.e, 1.0),
    ],
)
def test_a_position_lies_between_or_beyond_the_marks(ruler, value, position):
    assert ruler.position(value) == pytest.approx(position)


@pytest.mark.parametrize("value", [0, -0.5])
def test_a_logarithmic_axis_has_no_place_for_zero(value):
    with pytest.raises(ConfigurationError, match=f"got {value}, expected a positive number; its axis is logarithmic"):
        Ruler((1.0, 2.0), log=True).position(value)


def test_a_wider_model_moves_marks_that_are_for_a_width():
    assert Ruler((1.0, 2.0), hidden_size=200).at(400) == Ruler((0.5, 1.0), hidden_size=400)
    assert Ruler((1.0, 2.0)).at(400) == Ruler((1.0, 2.0))
    assert RATE.at(400).rulers == (RATE.rulers[0], Ruler((5.0, 500.0), True, 400, ("ia3",)))
    assert KIND.at(400) is KIND


def test_the_value_of_the_parent_chooses_the_ruler():
    assert RATE.encode({"method": "lora", "rate": 10.0}) == pytest.approx([0.5])
    assert RATE.encode({"method": "ia3", "rate": 10.0}) == [0.0]
    assert RATE.encode({"method": "full"}) == [0.5]


def test_a_choice_is_one_column_each():
    assert KIND.names == ("kind=a", "kind=b")
    assert KIND.encode({"method": "lora", "kind": "a"}) == [1.0, 0.0]
    assert KIND.encode({"method": "full"}) == [0.0, 1.0]
    assert Choice("kind", ("a", "b"), None, (), "b", optional=True).encode({}) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (RANK, {}, "configuration {} lacks 'rank'; add it"),
        (RANK, {"rank": True}, "rank is True, expected a number"),
        (RANK, {"rank": "8"}, "rank is '8', expected a number"),
        (RATE, {"method": "full", "rate": 1.0}, "has 'rate'; remove it"),
        (KIND, {"method": "full", "kind": "a"}, "has 'kind'; remove it"),
        (KIND, {"method": "lora"}, "lacks 'kind'; add it"),
        (KIND, {"method": "lora", "kind": "c"}, "kind is 'c', expected one of a, b"),
    ],
)
def test_what_should_not_be_is_said(column, values, message):
    with pytest.raises(ConfigurationError, match=message):
        column.encode(values)


def test_an_optional_number_may_be_missing():
    optional = Number("rank", (Ruler((4.0, 8.0)),), None, -1.0, optional=True)
    assert optional.encode({}) == [-1.0]
    assert optional.encode({"rank": 8}) == [1.0]


@pytest.mark.parametrize("column", [RANK, RATE, KIND, Choice("on", (True, False), None, (), True, optional=True)])
def test_json_brings_back_an_equal_column(column):
    assert column_from_json(column.to_json()) == column


@pytest.mark.parametrize("marks", [[], [1.0, 1.0], [2.0, 1.0]])
def test_marks_must_rise(marks):
    description = RANK.to_json()
    description["rulers"][0]["marks"] = marks
    with pytest.raises(ValueError, match="marks must rise, got"):
        column_from_json(description)
