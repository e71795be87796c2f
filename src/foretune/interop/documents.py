"""JSON, YAML and CSV files of other people: every error names the file and the expectation."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.parsing import parse_json, parse_yaml

LINE = "line of the file"
"""Key of a CSV row's line number."""


def files_in(paths: Sequence[str], pattern: str, absent: str) -> list[Path]:
    """The files that are given, and those in the folders that are, but for cards and licenses.

    Args:
        paths: of files and folders.
        pattern: of the names of files in folders, such as `*.csv`.
        absent: what to say of a folder without one, with `{}` in the place of its name.

    Raises:
        InteropError: of that.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(one for one in path.glob(pattern) if one.name != "card.json" and "LICENSE" not in one.name)
        if not path.is_file() and not inside:
            raise InteropError(absent.format(path))
        found += [path] if path.is_file() else inside
    return found


def read_text(path: Path) -> str:
    """Text of a file.

    Raises:
        InteropError: if it is absent or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InteropError(f"{path} cannot be read as text ({error}); give a file that exists, in UTF-8") from error


def read_object(path: Path) -> dict[str, Any]:
    """The mapping in a JSON or YAML file.

    Raises:
        InteropError: if the file holds anything else.
    """
    text = read_text(path)
    try:
        found = parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise InteropError(f"{path} is not {kind} ({error}); correct that place") from error
    if not isinstance(found, dict):
        raise InteropError(f"{path} holds {type(found).__name__}, expected names with values (an object)")
    return {str(name): value for name, value in found.items()}


def read_csv(path: Path, separator: str = ",", *, source: str = "the file") -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a CSV file, and its rows by column, each with the line that it ends on (`LINE`).

    Args:
        path: of the file.
        separator: of cells.
        source: of the separator, for messages.

    Raises:
        InteropError: if the file is absent, not UTF-8 or no CSV, or a row has another number of cells than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, delimiter=separator, strict=True)
            names = list(reader.fieldnames or ())
            rows = [{**row, LINE: str(reader.line_num)} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InteropError(f"{path} cannot be read as CSV ({error}); give a file that exists, in UTF-8") from error
    for row in rows:
        if None in row or None in row.values():
            message = f"{path}, line {row[LINE]}: not {len(names)} cells; correct it, or the separator in {source}"
            raise InteropError(message)
    return names, rows


def needed(found: Mapping[str, Any], name: str, kind: type | tuple[type, ...], where: object) -> Any:
    """The value of a name, which must be there and of that type.

    Raises:
        InteropError: naming the place.
    """
    value = found.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(one.__name__ for one in kinds)
        raise InteropError(f"{where}: {name!r} is {value!r}, expected {expected}; is this the right kind of file?")
    return value


def positive(text: str, what: str) -> float:
    """The number above 0 in a cell.

    Args:
        text: of the cell.
        what: place and column, for the message.

    Raises:
        InteropError: if it is anything else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise InteropError(f"{what} is {text!r}, expected a number above 0")
    return value
