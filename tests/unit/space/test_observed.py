"""Encoders of configurations whose search space is not known."""

import numpy as np
import pytest

from foretune.errors import ConfigurationError
from foretune.space import Encoder, observed_encoder
from foretune.space.column import Choice, Column, Number
from foretune.types import Configuration

SEEN = [
    Configuration({"rate": 1e-4, "layers": 2, "method": "lora", "frozen": True, "dropout": 0.0}),
    Configuration({"rate": 1e-2, "layers": 8, "method": "full", "frozen": False}),
    Configuration({"rate": 1e-3, "layers": 6, "method": "lora", "frozen": True, "dropout": 0.5, "bias": "all"}),
]
ENCODER = observed_encoder(SEEN)


def column(name: str) -> Column:
    return next(one for one in ENCODER.columns if one.name == name)


def encoded(*configurations: Configuration, encoder: Encoder = ENCODER) -> dict[str, list[float]]:
    return dict(zip(encoder.names, encoder.encode(configurations).T.tolist(), strict=True))


def changed(**values: object) -> Configuration:
    merged = {**SEEN[2].values, **values}
    return Configuration({name: value for name, value in merged.items() if value is not None})


def test_numbers_go_from_the_least_seen_to_the_greatest_and_beyond() -> None:
    assert encoded(*SEEN)["layers"] == pytest.approx([0.0, 1.0, 4 / 6])
    assert encoded(changed(dropout=1.0))["dropout"] == [2.0]


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ((1e-4, 1e-2), True),
        ((1.0, 5.1), True),
        ((1.0, 5.0), False),
        ((2, 64), True),
        ((0.0, 100.0), False),
        ((-1.0, 100.0), False),
        ((3.0,), False),
    ],
)
def test_positive_numbers_that_span_more_than_a_ratio_of_five_are_on_a_log_axis(
    values: tuple[float, ...], log: bool
) -> None:
    (found,) = observed_encoder([Configuration({"x": value}) for value in values]).columns
    assert isinstance(found, Number)
    assert found.rulers[0].log is log


def test_the_middle_of_a_log_axis_is_the_geometric_mean() -> None:
    assert encoded(*SEEN)["rate"] == pytest.approx([0.0, 1.0, 0.5])


def test_a_number_that_never_varied_is_zero_and_not_a_division_by_zero() -> None:
    encoder = observed_encoder([Configuration({"epochs": 3}), Configuration({"epochs": 3.0})])
    assert encoder.encode([Configuration({"epochs": 3}), Configuration({"epochs": 5})]).tolist() == [[0.0], [2.0]]


def test_text_and_booleans_are_choices() -> None:
    method, frozen = column("method"), column("frozen")
    assert isinstance(method, Choice)
    assert isinstance(frozen, Choice)
    assert method.choices == ("lora", "full")
    assert frozen.choices == (True, False)
    found = encoded(*SEEN)
    assert (found["method=lora"], found["method=full"]) == ([1, 0, 1], [0, 1, 0])
    assert (found["frozen=True"], found["frozen=False"]) == ([1, 0, 1], [0, 1, 0])


def test_numbers_among_text_are_choices() -> None:
    encoder = observed_encoder([Configuration({"steps": "all"}), Configuration({"steps": 100})])
    assert encoder.names == ("steps=all", "steps=100")


def test_what_some_lack_is_optional_and_stands_at_its_least_value_or_at_no_choice() -> None:
    assert {one.name for one in ENCODER.columns if one.optional} == {"dropout", "bias"}
    found = encoded(*SEEN)
    assert found["dropout"] == [0.0, 0.0, 1.0]
    assert found["bias=all"] == [0.0, 0.0, 1.0]
    assert encoded(changed(dropout=None, bias=None))["bias=all"] == [0.0]


def test_what_all_have_cannot_be_left_out() -> None:
    for name in ("rate", "method"):
        with pytest.raises(ConfigurationError, match=f"lacks '{name}'; add it"):
            ENCODER.encode([changed(**{name: None})])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "dora"}, "method is 'dora', expected one of lora, full"),
        ({"bias": "none"}, "bias is 'none', expected one of all"),
        ({"momentum": 0.9}, "has momentum, which the encoder's search space does not know"),
        ({"dropout": "high"}, "dropout is 'high', expected a number"),
        ({"dropout": True}, "dropout is True, expected a number"),
    ],
)
def test_what_was_never_seen_is_not_left_out_silently(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ENCODER.encode([changed(**change)])


def test_json_brings_back_an_equal_encoder() -> None:
    read = Encoder.from_json(ENCODER.to_json())
    assert read == ENCODER
    assert [one.optional for one in read.columns] == [one.optional for one in ENCODER.columns]
    np.testing.assert_array_equal(read.encode(SEEN), ENCODER.encode(SEEN))
    frozen = next(one for one in read.columns if one.name == "frozen")
    assert isinstance(frozen, Choice)
    assert [type(choice) for choice in frozen.choices] == [bool, bool]


def test_a_description_from_before_columns_could_be_optional_reads_as_one_where_none_is() -> None:
    text = observed_encoder(SEEN[:1]).to_json()
    assert Encoder.from_json(text.replace(', "optional": false', "")) == observed_encoder(SEEN[:1])


def test_the_width_of_the_base_model_makes_no_difference() -> None:
    assert ENCODER.at(4096) == ENCODER
