"""Reads tables of text: CSV with commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Literal

from foretune.errors import DataError
from foretune.finetuning.data.rows import Row

_DELIMITERS = ",;\t|"
_LIMIT = Lock()
"""The csv module has one limit for the whole process, so that only one file is read at a time."""


def read_table(path: Path, text: str, *, delimiter: str | None = None) -> Iterator[Row]:
    """The rows of a table with a header.

    Args:
        path: named in messages.
        text: content of the file.
        delimiter: between cells; None for the one of comma, semicolon, tab and bar that makes the most of the header.

    Raises:
        DataError: if the header is wrong, or quotes are not closed.
    """
    between = delimiter or max(_DELIMITERS, key=lambda mark: _columns(text, mark))
    with _cells_of_any_length(len(text)):
        # In tables with tabs a quote is mostly just a quote.
        quoted = between != "\t" or _is_whole(text, between)
        rows = list(_rows(path, text, between, csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE))
    return iter(rows)


@contextmanager
def _cells_of_any_length(characters: int) -> Generator[None]:
    """Let cells be as long as the file; the former limit is restored afterwards."""
    with _LIMIT:
        before = csv.field_size_limit(max(characters, csv.field_size_limit()))
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _columns(text: str, delimiter: str) -> int:
    with _cells_of_any_length(len(text)):
        try:
            header = next(cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if cells)
        except (csv.Error, StopIteration):
            return 0
    return len(header)


def _is_whole(text: str, delimiter: str) -> bool:
    try:
        return all(True for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False


def _rows(path: Path, text: str, delimiter: str, quoting: Literal[0, 3]) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter, quoting=quoting)
    header: list[str] | None = None
    start = 1
    try:
        for cells in lines:
            if cells and header is None:
                header = _header(path, cells, start)
            elif cells and header is not None:
                yield _row(f"{path}, line {start}", header, cells)
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


def _row(where: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) == len(header):
        return Row(dict(zip(header, cells, strict=True)), where)
    fault = (
        f"{where}: {len(cells)} cells where the header names {len(header)} columns; "
        "quote cells that hold the mark between cells"
    )
    return Row({}, where, fault)
