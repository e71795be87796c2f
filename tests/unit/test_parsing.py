"""JSON and YAML that somebody has changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from foretune.parsing import parse_json, parse_yaml, read_as
from foretune.types import Value


@dataclass(frozen=True)
class Inner:
    share: float
    error: float | None = None


@dataclass(frozen=True)
class Outer:
    name: str
    parts: tuple[Inner, ...] = ()
    best: Inner | None = None
    values: Mapping[str, Value] = ()


def test_what_is_nested_too_deeply_is_a_value_error():
    for text in ("[" * 100_000, '{"a":' * 50_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(text)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_yaml("[" * 2000)


def test_half_a_surrogate_pair_is_a_value_error_and_a_whole_one_is_text():
    for text in (r'["\uD83D"]', rb'{"\ud800": 1}'):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            parse_json(text)
    assert parse_json(rb'["\ud83d\ude00"]') == ["\N{GRINNING FACE}"]


@pytest.mark.parametrize("text", ["!!timestamp x", "!!bool x", "!!int ''", "2026-99-99", "a: [", "{[]: 1}", "\0"])
def test_yaml_that_its_own_constructors_trip_over_is_a_value_error_in_one_line(text):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        parse_yaml(text)


def test_a_dataclass_is_built_all_the_way_down():
    values = {"name": "x", "parts": [{"share": 1}, {"share": 0.5, "error": None}], "best": {"share": 2.0, "error": 1.0}}
    assert read_as(Outer, values | {"values": {"a": True, "b": 2, "c": "d", "e": 0.5}}) == Outer(
        "x", (Inner(1.0), Inner(0.5)), Inner(2.0, 1.0), {"a": True, "b": 2, "c": "d", "e": 0.5}
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"the content is '\[\]', expected dict"),
        ({}, "the content is not whole .*'name'"),
        ({"name": 1}, r"the content.name is '1', expected str"),
        ({"name": "x", "nme": 1}, "the content has the unknown names 'nme'"),
        ({"name": "x", "parts": [{"share": 1}, {"share": "1"}]}, r"parts\[1\].share is '1', expected float"),
        ({"name": "x", "best": {"share": True}}, "best.share is 'True', expected float"),
        ({"name": "x", "best": {"share": 10**400}}, "best.share is '10{59}', expected float"),
        ({"name": "x", "values": {"a": None}}, "values.a is 'None', expected str"),
        ({"name": "\ud800"}, "surrogates not allowed"),
    ],
)
def test_every_value_has_the_type_that_its_field_says(values, message):
    with pytest.raises(ValueError, match=message):
        read_as(Outer, values)


def test_names_that_a_dictionary_of_kinds_lacks_are_left_alone():
    kinds: dict[str, Any] = {"seed": int, "inner": {"a": str}}
    assert read_as(kinds, {"seed": 1, "other": [1]}) == {"seed": 1, "other": [1]}
    with pytest.raises(ValueError, match=r"the content.inner.a is '1', expected str"):
        read_as(kinds, {"inner": {"a": 1}})
