"""Hyperparameters as other tools store them: text without types, nested objects, files beside the runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.documents import read_object
from foretune.types import Value

_TRUTH = {"true": True, "false": False}
_MISSING = {"", "none", "null", "nan"}


def typed(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Value]]:
    """Text as whole numbers, numbers or truth values where all rows allow it for that name, as text otherwise.

    Empty text, `None`, `null` and `nan` are missing.
    """
    names = {name for row in rows for name in row}
    parsers = {
        name: _parser([row[name] for row in rows if row.get(name, "").lower() not in _MISSING]) for name in names
    }
    return [{name: parsers[name](text) for name, text in row.items() if text.lower() not in _MISSING} for row in rows]


def _parser(texts: Sequence[str]) -> Callable[[str], Value]:
    # Python would read 70_30 as 7030.
    for parse in () if any("_" in text for text in texts) else (int, float, _truth):
        try:
            for text in texts:
                parse(text)
        except (ValueError, KeyError):
            continue
        return parse
    return str


def _truth(text: str) -> bool:
    return _TRUTH[text.lower()]


def plain(values: Mapping[str, Any], where: object) -> dict[str, Value]:
    """Only text, numbers and truth values, without missing values.

    Raises:
        InteropError: if a value is anything else.
    """
    known = {name: value for name, value in values.items() if value is not None}
    for name, value in known.items():
        if not isinstance(value, str | int | float):
            raise InteropError(f"{where}: {name!r} is {value!r}, expected text, a number or a truth value")
    return known


def settings_of(run: str, file: Path | None) -> dict[str, Value]:
    """Hyperparameters of a run from a file beside it: the parameters under its name, or all if no name has an object.

    Args:
        run: its name.
        file: YAML or JSON; None for none.

    Raises:
        InteropError: if the file is none of both, or does not have the run.
    """
    if file is None:
        return {}
    found = read_object(file)
    if not any(isinstance(value, dict) for value in found.values()):
        return plain(found, file)
    if not isinstance(mine := found.get(run), dict):
        message = f"{file} has no settings for the run {run!r}, only for {', '.join(found)}; add them under that name"
        raise InteropError(message)
    return plain(mine, f"{file}, run {run!r}")
