"""JSON and YAML of files that anybody may have changed: whatever is wrong with them is a ValueError."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

_QUOTED = 60
"""Characters of a value that a message repeats."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, nested too deeply, or holds half a surrogate pair, which nothing can be written with.
    """
    try:
        value = json.loads(text)
        if "\\ud" in str(text).lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def parse_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        ValueError: it is none, nested too deeply, or a tag does not fit its value; the message is one line.
    """
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # Its constructors of tagged values (`!!int ''`, `!!bool x`) raise whatever their own code comes across.
    except (yaml.YAMLError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def read_as(kind: Any, value: Any, what: str = "the content") -> Any:  # noqa: PLR0911 (a case for each kind)
    """A JSON value as a type says it, checked all the way down.

    Args:
        kind: a frozen dataclass, a type of JSON, a tuple, a mapping or a union of these, or a dictionary with the kinds
            of some names, which may be absent.
        value: as `parse_json` returns it.
        what: it is, for messages.

    Raises:
        ValueError: it is of another type; the message says where.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if isinstance(kind, UnionType) and _plain(kind):
        return read_as(next((one for one in inner if _fits(one, value)), inner[0]), value, what)
    if isinstance(kind, UnionType):
        return None if value is None else read_as(inner[0], value, what)
    if isinstance(kind, dict):
        values = read_as(dict, value, what)
        return values | {
            name: read_as(one, values[name], f"{what}.{name}") for name, one in kind.items() if name in values
        }
    if is_dataclass(kind):
        return _dataclass(kind, read_as(dict, value, what), what)
    if origin is tuple:
        return tuple(read_as(inner[0], one, f"{what}[{at}]") for at, one in enumerate(read_as(list, value, what)))
    if origin is Mapping:
        return {name: read_as(inner[1], one, f"{what}.{name}") for name, one in read_as(dict, value, what).items()}
    if not _fits(kind, value):
        raise ValueError(f"{what} is {str(value)[:_QUOTED]!r}, expected {kind.__name__}")
    if kind is str:
        value.encode()  # half a surrogate pair can be printed nowhere, and is a ValueError
    return value


def _plain(kind: UnionType) -> bool:
    return all(one in (str, int, float, bool, NoneType) for one in get_args(kind))


def _fits(kind: type, value: object) -> bool:
    """Whether a value is of a type as JSON has it: whole numbers are numbers, truth values are not."""
    if isinstance(value, bool):
        return kind is bool
    if kind is float and isinstance(value, int):
        return abs(value) < 2**1023
    return isinstance(value, kind)


def _dataclass(kind: Any, values: Mapping[str, Any], what: str) -> Any:
    hints, known = _hints(kind), {field.name for field in fields(kind) if field.init}
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{what} has the unknown names {', '.join(unknown)[:_QUOTED]!r}")
    given = {name: read_as(hints[name], value, f"{what}.{name}") for name, value in values.items()}
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(f"{what} is not whole ({error})") from error


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)
