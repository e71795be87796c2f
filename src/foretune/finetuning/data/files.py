"""Reads one JSONL, JSON, CSV, TSV or Parquet file, compressed or not, into rows that know the line they came from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from foretune.errors import DataError
from foretune.finetuning.data.decoding import decode, decompress
from foretune.finetuning.data.rows import Row
from foretune.finetuning.data.tables import read_table

_NOT_SPACE = re.compile(r"\S")
_COMPRESSED = ".gz"
_WRAPPERS = ("data", "rows", "examples", "instances", "records", "items", "samples")
"""Names under which a JSON object can hold the list of all rows."""


class Decimal(float):
    """A number that remembers how it was written, such as 1.50."""

    written: str

    def __new__(cls, written: str) -> Decimal:
        """Read it."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written


def ending_of(path: Path) -> str:
    """The part of a name that decides how the file is read, such as `.csv` or `.jsonl.gz`; empty if it says nothing."""
    *rest, last = ["", *(suffix.lower() for suffix in path.suffixes)]
    if last == _COMPRESSED and rest[-1] in READERS:
        return "".join(path.suffixes[-2:]) if rest[-1] != ".parquet" else ""
    return path.suffix if last in READERS else ""


def stem_of(path: Path) -> str:
    """The name without that part."""
    return path.name.removesuffix(ending_of(path)) if ending_of(path) else path.stem


def read_rows(path: Path) -> list[Row]:
    """All rows of a file, by its ending; those that cannot be read say why.

    Args:
        path: a file whose name ends with one of `READERS`, or with one of them and `.gz`.

    Raises:
        DataError: if the file cannot be read, is broken beyond single rows, or holds no rows.
    """
    ending = ending_of(path).lower()
    if not ending:
        raise DataError(
            f"{path}: cannot read {path.suffix or 'files without an ending'}; use one of {', '.join(READERS)}, "
            f"or these with {_COMPRESSED}"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    if ending.endswith(_COMPRESSED):
        content = decompress(path, content)
    rows = list(READERS[ending.removesuffix(_COMPRESSED)](path, content)) if content.strip() else []
    if not rows:
        raise DataError(f"{path}: the file is empty; expected at least one row with a prompt and a completion")
    return rows


def _json_fault(path: Path, error: Exception, line: int) -> str:
    what = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return f"{path}, line {line}: broken JSON ({what}); correct or delete it"


def _row(path: Path, value: object, line: int) -> Row:
    where = f"{path}, line {line}"
    if isinstance(value, dict):
        return Row(cast("dict[str, Any]", value), where)
    fault = (
        f"{where}: expected a JSON object such as {{'prompt': ..., 'completion': ...}}, "
        f"found {type(value).__name__}; write one object for each row"
    )
    return Row({}, where, fault)


def _read_json(path: Path, content: bytes) -> Iterator[Row]:
    text = decode(path, content)
    start = _list_start(text)
    return _json_lines(path, text) if start is None else _json_list(path, text, start)


def _list_start(text: str) -> int | None:
    """Where the list of all rows begins; None if each line is a row."""
    at = _next(text, 0)
    if text[at : at + 1] == "[":
        return at
    decoder = json.JSONDecoder()
    try:
        while text[at : at + 1] in ("{", ","):
            key, end = decoder.raw_decode(text, _next(text, at + 1))
            value = _next(text, _next(text, end) + 1)
            if key in _WRAPPERS and text[value : value + 1] == "[":
                return value
            at = _next(text, decoder.raw_decode(text, value)[1])
    except (ValueError, RecursionError):
        pass  # the reader of lines names the fault
    return None


def _json_lines(path: Path, text: str) -> Iterator[Row]:
    # Not splitlines(): U+2028 and its like are allowed inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line, parse_float=Decimal)
            except (ValueError, RecursionError) as error:
                yield Row({}, f"{path}, line {number}", _json_fault(path, error, number))
            else:
                yield _row(path, value, number)


def _json_list(path: Path, text: str, start: int) -> Iterator[Row]:
    """The items of a list one by one, so that each knows its line."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    at, line, counted = _next(text, start + 1), 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise DataError(_json_fault(path, error, getattr(error, "lineno", line))) from error
        yield _row(path, value, line)
        at = _next(text, end)
        if text[at : at + 1] not in (",", "]"):
            line += text.count("\n", counted, at)
            raise DataError(f"{path}, line {line}: broken JSON (expected , or ] after an item); correct or complete it")
        at = _next(text, at + 1) if text[at] == "," else at
    rest = _next(text, at + 1)
    wrapped = bool(text[:start].strip())
    if rest < len(text) and not (wrapped and text[rest] in ",}"):
        line = text.count("\n", 0, rest) + 1
        raise DataError(f"{path}, line {line}: text after the end of the JSON list; delete it")


def _next(text: str, at: int) -> int:
    found = _NOT_SPACE.search(text, at)
    return found.start() if found else len(text)


def _read_csv(path: Path, content: bytes) -> Iterator[Row]:
    return read_table(path, decode(path, content))


def _read_tsv(path: Path, content: bytes) -> Iterator[Row]:
    return read_table(path, decode(path, content), delimiter="\t")


def _read_parquet(path: Path, content: bytes) -> Iterator[Row]:
    import pyarrow as pa  # noqa: PLC0415 (slow to import, and most datasets are JSONL)
    from pyarrow import parquet  # noqa: PLC0415

    try:
        table = parquet.read_table(pa.BufferReader(content))
        values = cast("list[dict[str, Any]]", table.to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({error}); write it again") from error
    classes = _classes_in_metadata(cast("Mapping[bytes, bytes]", table.schema.metadata or {}))
    for number, value in enumerate(values, start=1):
        yield Row(with_class_names(value, classes), f"{path}, row {number}")


def _classes_in_metadata(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Names of classes by column, as Hugging Face `datasets` notes them in the Parquet files that it writes."""
    try:
        features: dict[str, Any] = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(one["names"]) for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def with_class_names(values: Mapping[str, Any], classes: Mapping[str, list[str]]) -> Mapping[str, Any]:
    """A row with the names of its classes in place of their numbers; -1, which means that there is none, is null."""
    numbers = {name: values[name] for name in classes if isinstance(values.get(name), int)}
    if not numbers:
        return values
    named = {name: classes[name][at] if 0 <= at < len(classes[name]) else None for name, at in numbers.items()}
    return {**values, **named}


READERS: dict[str, Callable[[Path, bytes], Iterator[Row]]] = {
    ".jsonl": _read_json,
    ".ndjson": _read_json,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
}
"""How each kind of file is read, by the ending of its name."""
