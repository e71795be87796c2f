"""Rows become examples, and everything about them that a user should know becomes a note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foretune.errors import DataError
from foretune.finetuning.data.examples import Example
from foretune.finetuning.data.formats import Reading, read_row
from foretune.finetuning.data.rows import Fault, Row, check_bad_rows
from foretune.finetuning.data.sources import Source


@dataclass(frozen=True)
class _Read:
    """The rows of one split, good and bad."""

    readings: Sequence[Reading]
    faults: Sequence[Fault]


def read_examples(
    source: Source, renamed: Mapping[str, str], *, last_turn_only: bool, skip_bad_rows: bool
) -> tuple[dict[str, list[Example]], list[str]]:
    """The examples of each split, and notes.

    Args:
        source: a dataset as it was found.
        renamed: the user's columns, see `Cells.of`.
        last_turn_only: learn the last answer of a conversation alone.
        skip_bad_rows: leave out unusable rows.

    Raises:
        DataError: if rows cannot be used and are not to be left out, or there are no others in the training split.
    """
    read = {split: _read(rows, renamed) for split, rows in source.rows.items()}
    faults = [fault for one in read.values() for fault in one.faults]
    count = sum(len(rows) for rows in source.rows.values())
    notes = check_bad_rows(faults, count, source.name, skip=skip_bad_rows)
    if not read["train"].readings:
        raise DataError(f"{source.name}: the train split has no row that can be used, such as: {faults[0]}")
    empty = [split for split, one in read.items() if not one.readings]
    notes += [f"{split}: left aside, since none of its rows can be used" for split in empty]
    readings = [reading for one in read.values() for reading in one.readings]
    notes += [*_columns_aside(source, readings), *_written(readings)]
    kept = {split: [reading.example for reading in one.readings] for split, one in read.items() if split not in empty}
    if last_turn_only:
        kept = {split: [example.last_turn_only() for example in examples] for split, examples in kept.items()}
    return kept, notes


def _read(rows: Sequence[Row], renamed: Mapping[str, str]) -> _Read:
    readings: list[Reading] = []
    faults: list[Fault] = []
    for row in rows:
        try:
            readings.append(read_row(row, renamed))
        except DataError as error:
            faults.append(Fault.of(row.where, error))
    return _Read(readings, faults)


def _columns_aside(source: Source, readings: Sequence[Reading]) -> list[str]:
    used = {column for reading in readings for column in reading.used}
    rows = (row for rows in source.rows.values() for row in rows)
    filled = dict.fromkeys(
        str(name)
        for row in rows
        for name, value in row.values.items()
        if name not in used and value is not None and value != ""
    )
    if not filled:
        return []
    what, taken = "columns" if len(filled) > 1 else "column", ", ".join(sorted(used))
    aside = ", ".join(name or "(no name)" for name in filled)
    return [f"{what} left aside: {aside}; used: {taken} (--columns prompt=...,completion=... takes others)"]


def _written(readings: Sequence[Reading]) -> list[str]:
    written = [reading.example for reading in readings if reading.written]
    if not written:
        return []
    example = written[0]
    text = example.text or next((m.content for m in reversed(example.messages) if m.content), "")
    rows = "1 row has" if len(written) == 1 else f"{len(written)} rows have"
    return [f"{rows} numbers or truth values where text is expected; learned as they are written, such as {text!r}"]
