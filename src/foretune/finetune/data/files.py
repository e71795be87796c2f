"""Reads one JSONL, JSON, CSV or Parquet file into rows that know the line they came from."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from foretune.errors import DataError

_NOT_SPACE = re.compile(r"\S")


@dataclass(frozen=True)
class Row:
    """Column names and values of one row, and where it was read, such as `train.jsonl, line 3`."""

    values: Mapping[str, Any]
    where: str


def read_rows(path: Path) -> list[Row]:
    """All rows of a file, by its ending.

    Args:
        path: a file whose name ends with one of `READERS`.

    Raises:
        DataError: if the file cannot be read, is broken, or holds no rows.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path}: cannot read {path.suffix or 'files without an ending'}; use one of {', '.join(READERS)}"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    rows = list(reader(path, content)) if content.strip() else []
    if not rows:
        raise DataError(f"{path}: the file is empty; expected at least one row with a prompt and a completion")
    return rows


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} at offset {error.start} of the file is not "
            "valid UTF-8; save the file as UTF-8, for instance: "
            f"iconv -f LATIN1 -t UTF-8 {path.name} > fixed{path.suffix}"
        ) from error


def _json_error(path: Path, error: Exception, line: int) -> DataError:
    what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return DataError(f"{path}, line {line}: broken JSON ({what}); correct or delete it")


def _row(path: Path, value: object, line: int) -> Row:
    where = f"{path}, line {line}"
    if not isinstance(value, dict):
        raise DataError(
            f"{where}: expected a JSON object such as {{'prompt': ..., 'completion': ...}}, "
            f"found {type(value).__name__}; write one object for each row"
        )
    return Row(cast("dict[str, Any]", value), where)


def _read_json(path: Path, content: bytes) -> Iterator[Row]:
    text = _decode(path, content)
    return _json_list(path, text) if text.lstrip().startswith("[") else _json_lines(path, text)


def _json_lines(path: Path, text: str) -> Iterator[Row]:
    # Not splitlines(): U+2028 and its like are allowed inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _json_error(path, error, number) from error
            yield _row(path, value, number)


def _json_list(path: Path, text: str) -> Iterator[Row]:
    """The items of a top-level list one by one, so that each knows its line."""
    decoder = json.JSONDecoder()
    at, line, counted = _next(text, text.index("[") + 1), 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _json_error(path, error, getattr(error, "lineno", line)) from error
        yield _row(path, value, line)
        at = _next(text, end)
        if text[at : at + 1] not in (",", "]"):
            line += text.count("\n", counted, at)
            raise DataError(f"{path}, line {line}: broken JSON (expected , or ] after an item); correct or complete it")
        at = _next(text, at + 1) if text[at] == "," else at
    rest = _next(text, at + 1)
    if rest < len(text):
        line = text.count("\n", 0, rest) + 1
        raise DataError(f"{path}, line {line}: text after the end of the JSON list; delete it")


def _next(text: str, at: int) -> int:
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)


def _read_csv(path: Path, content: bytes) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(_decode(path, content), newline=""), strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in lines:
            if cells and header is None:
                header = _header(path, cells, start)
            elif cells and header is not None:
                yield Row(_cells(path, header, cells, start), f"{path}, line {start}")
            start = lines.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {start}: broken CSV ({error}); quote cells that hold quotes or line ends"
        ) from error


def _header(path: Path, cells: list[str], line: int) -> list[str]:
    header = [cell.strip() for cell in cells]
    if len(set(header)) < len(header):
        raise DataError(f"{path}, line {line}: a column name occurs twice in {', '.join(header)}; rename or delete one")
    return header


def _cells(path: Path, header: list[str], cells: list[str], line: int) -> dict[str, str]:
    if len(cells) != len(header):
        raise DataError(
            f"{path}, line {line}: {len(cells)} cells where the header names {len(header)} columns; "
            "quote cells that hold commas"
        )
    return dict(zip(header, cells, strict=True))


def _read_parquet(path: Path, content: bytes) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 (slow to import, and most datasets are JSONL)
    from pyarrow import parquet  # noqa: PLC0415

    try:
        values = cast("list[dict[str, Any]]", parquet.read_table(pa.BufferReader(content)).to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); write it again") from error
    for number, value in enumerate(values, start=1):
        yield Row(value, f"{path}, row {number}")


READERS: dict[str, Callable[[Path, bytes], Iterator[Row]]] = {
    ".jsonl": _read_json,
    ".json": _read_json,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}
"""How each kind of file is read, by the ending of its name."""
