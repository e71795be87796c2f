"""Any CSV file, read as its mapping says (`mapping.py`): nothing is averaged, and omissions are counted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.documents import LINE, read_csv
from foretune.interop.mapping import REPEATS, SECTIONS, Field, Mapped, read_mapping
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun, finite_slices
from foretune.interop.resample import ImportedSlice
from foretune.metadata.schema import STATUSES
from foretune.types import Status, Value

_TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_MISSING = {"", "na", "n/a", "null"}
_DIRECTIONS = ("minimize", "maximize")


def csv_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """CSV files whose columns a mapping names.

    Raises:
        InteropError: naming the file, the line, the column and the expectation.
    """
    if options.mapping is None:
        message = "a CSV file needs --mapping FILE, which says what its columns are; docs/interop.md shows one"
        raise InteropError(message)
    mapped = read_mapping(options.mapping)
    runs: list[RecordedRun] = []
    notes: list[str] = []
    for file in map(Path, paths):
        rows = _rows(file, mapped)
        kept = [row for row in rows if not any(row[name] in values for name, values in mapped.skip.items())]
        runs += _Reader(file, mapped, options).runs(kept)
        notes += (
            [f"{len(rows) - len(kept)} rows of {file.name} are left out by `skip`"] if len(kept) < len(rows) else []
        )
    if not mapped.resample:
        _check_lengths(runs, mapped)
    return Imported(runs, notes)


def _rows(file: Path, mapped: Mapped) -> list[dict[str, str]]:
    """The rows by column, each with the line that it stands on."""
    names, rows = read_csv(file, mapped.separator, source=str(mapped.file))
    named = {one.column for fields in mapped.fields.values() for one in fields.values() if one.column}
    seed = mapped.fields["run"].get("seed")
    wanted = (named | set(mapped.skip)) - ({REPEATS} if seed and seed.column == REPEATS else set())
    if absent := sorted(wanted - set(names)):
        message = f"{file} has no column {', '.join(absent)}; it has {', '.join(names)}: correct {mapped.file}"
        raise InteropError(message)
    return rows


class _Reader:
    """Reads the rows of one file."""

    def __init__(self, file: Path, mapped: Mapped, options: ImportOptions) -> None:
        self._file = file
        self._mapped = mapped
        self._options = options
        self._figures = figures_of(file.parent, options)

    def runs(self, rows: Sequence[Mapping[str, str]]) -> list[RecordedRun]:
        """One run a row, or one run a group of rows that are the slices of one run."""
        if self._mapped.wide or "fidelity" not in self._mapped.fields["slices"]:
            return [self._run([row]) for row in rows]
        groups: dict[Any, list[Mapping[str, str]]] = defaultdict(list)
        for row in rows:
            groups[self._key(row)].append(row)
        return [self._run(sorted(group, key=self._fidelity)) for group in groups.values()]

    def _key(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """Facts that the slices of a run share: the run's name, or all of task, configuration and seed."""
        fields = self._mapped.fields
        if "name" in fields["run"]:
            return (str(self._get(row, "run", "name", "text")),)
        task = [one for name, one in fields["task"].items() if name in ("dataset", "model", "rows")]
        own = [
            *task,
            *fields["hyperparameters"].values(),
            *(fields["run"][name] for name in ("seed",) if name in fields["run"]),
        ]
        return tuple(row.get(one.column, "") for one in own)

    def _fidelity(self, row: Mapping[str, str]) -> float:
        return float(self._get(row, "slices", "fidelity", "number", needed=True))

    def _run(self, rows: Sequence[Mapping[str, str]]) -> RecordedRun:
        first = rows[0]
        slices, status, message = finite_slices(self._wide(first) if self._mapped.wide else map(self._slice, rows))
        self._check_group(rows)
        said = self._get(first, "run", "status", "text")
        if said is not None and (told := self._status(first, str(said))) != Status.OK:
            status = told
        seed = self._mapped.fields["run"].get("seed")
        repeats = seed is None or seed.column == REPEATS
        columns = {name: self._get(first, "run", name, "text") for name in ("source", "license", "hardware", "started")}
        return RecordedRun(
            str(self._get(first, "run", "name", "text") or f"line{first[LINE]}"),
            self._task(first),
            self._configuration(first),
            slices,
            seed=None if repeats else int(self._get(first, "run", "seed", "integer", needed=True)),
            status=status,
            message=str(self._get(first, "run", "message", "text") or message),
            facts={**self._figures, **{name: str(value) for name, value in columns.items() if value is not None}},
        )

    def _task(self, row: Mapping[str, str]) -> ImportedTask:
        said = {name: self._text(row, "task", name) for name in SECTIONS["task"] if name != "rows"}
        given = {"family": self._options.family, "direction": self._options.direction, "dataset": self._options.dataset}
        said |= {name: value for name, value in given.items() if value}
        if said["direction"] not in _DIRECTIONS or not all(said[name] for name in ("dataset", "model", "metric")):
            raise InteropError(
                f"{self._at(row)}: the task is {said}, expected dataset, model, metric and a direction of "
                f"{' or '.join(_DIRECTIONS)}; correct the row, or {self._mapped.file}"
            )
        rows = self._options.rows or self._get(row, "task", "rows", "integer")
        return ImportedTask(
            said["dataset"],
            said["model"],
            said["metric"],
            said["direction"],
            cost_unit=said["cost_unit"] or "seconds",
            rows=None if rows is None else int(rows),
            family=said["family"],
            source=said["source"],
            license=said["license"] or "unknown",
        )

    def _configuration(self, row: Mapping[str, str]) -> dict[str, Value]:
        fields = self._mapped.fields["hyperparameters"]
        found = {
            name: self._value(row, one, f"hyperparameters.{name}", one.kind or "text") for name, one in fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}

    def _slice(self, row: Mapping[str, str]) -> ImportedSlice:
        numbers = {name: self._get(row, "slices", name, "number") for name in ("test", "epochs", "steps", "tokens")}
        value = self._get(row, "slices", "value", "number", needed=True)
        return ImportedSlice(
            float(value), self._seconds(row, self._get(row, "slices", "seconds", "number", needed=True)), **numbers
        )

    def _seconds(self, row: Mapping[str, str], seconds: float) -> float:
        if not (math.isfinite(seconds) and seconds > 0):
            message = f"{self._at(row)}: the slice costs {seconds:g}, expected above 0; correct it, or skip the row"
            raise InteropError(message)
        return float(seconds)

    def _wide(self, row: Mapping[str, str]) -> Iterator[ImportedSlice]:
        fields = self._mapped.fields["slices"]
        values = list(self._series(row, fields["value"], "value"))
        present = [value for value in values if value is not None]
        if values[: len(present)] != present:
            message = f"{self._at(row)}: slice {values.index(None) + 1} is empty, but later ones are not; fill it in"
            raise InteropError(message)
        costs = fields["seconds"]
        if costs.prefix is None:
            spent: list[Any] = [self._get(row, "slices", "seconds", "number", needed=True)] * len(present)
        else:
            spent = list(self._series(row, costs, "seconds"))[: len(present)]
        if len(spent) < len(present) or None in spent:
            raise InteropError(f"{self._at(row)}: {len(present)} slices, but costs of fewer; give the cost of each")
        test = self._get(row, "slices", "test", "number")
        for number, (value, cost) in enumerate(zip(present, spent, strict=True), start=1):
            yield ImportedSlice(value, self._seconds(row, cost), test=test if number == len(present) else None)

    def _series(self, row: Mapping[str, str], one: Field, name: str) -> Iterator[float | None]:
        if one.prefix is None:
            raise InteropError(f"{self._mapped.file}: slices.{name} needs {{columns: PREFIX}} in the wide layout")
        if f"{one.prefix}1" not in row:
            first = f"{one.prefix}1"
            message = f"{self._file} has no column {first!r}, where slices.{name} begin; correct {self._mapped.file}"
            raise InteropError(message)
        number = 1
        while (column := f"{one.prefix}{number}") in row:
            yield self._value(row, replace(one, column=column, prefix=None), f"slices.{name}", "number")
            number += 1

    def _status(self, row: Mapping[str, str], text: str) -> str:
        if text not in STATUSES:
            known = ", ".join(STATUSES)
            raise InteropError(
                f"{self._at(row)}: status is {text!r}, expected one of {known}; translate it with run.status.values"
            )
        return text

    def _check_group(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Slices of one run have the same task and configuration, and each comes once."""
        if len(rows) == 1:
            return
        first = (self._task(rows[0]), self._configuration(rows[0]))
        for row in rows[1:]:
            if (self._task(row), self._configuration(row)) != first:
                raise InteropError(
                    f"{self._at(row)}: other task or hyperparameters than on line {rows[0][LINE]}, which is of the "
                    f"same run; correct one of them, or run.name in {self._mapped.file}"
                )
        steps = [self._fidelity(row) for row in rows]
        for before, after, row in zip(steps, steps[1:], rows[1:], strict=False):
            if before == after:
                raise InteropError(
                    f"{self._at(row)}: a second slice {after:g} of the same run; nothing is averaged: name the run or "
                    f"the seed in {self._mapped.file}, or remove one"
                )

    def _text(self, row: Mapping[str, str], section: str, name: str) -> str:
        value = self._get(row, section, name, "text")
        return "" if value is None else str(value)

    def _get(self, row: Mapping[str, str], section: str, name: str, kind: str, *, needed: bool = False) -> Any:
        one = self._mapped.fields[section].get(name)
        value = None if one is None else self._value(row, one, f"{section}.{name}", one.kind or kind)
        if needed and value is None:
            place = f"{section}.{name} is empty, but needed"
            raise InteropError(f"{self._at(row)}: {place}; fill it in, or skip the row in {self._mapped.file}")
        return value

    def _value(self, row: Mapping[str, str], one: Field, name: str, kind: str) -> Any:
        text = row[one.column] if one.column else one.constant
        text = one.words.get(str(text), text)
        if text is None or str(text).strip().lower() in _MISSING:
            return None
        try:
            return _parse(str(text), kind, one.scale)
        except (ValueError, KeyError) as error:
            message = f"{self._at(row)}, column {one.column!r}: {text!r} is no {kind}, which {name} needs; correct it"
            raise InteropError(message) from error

    def _at(self, row: Mapping[str, str]) -> str:
        return f"{self._file}, line {row[LINE]}"


def _parse(text: str, kind: str, scale: float) -> Value:
    if kind == "number":
        return float(text) * scale
    if kind == "integer":
        number = float(text) * scale
        if not number.is_integer():
            raise ValueError(text)
        return int(number)
    return _TRUTH[text.lower()] if kind == "boolean" else text


def _check_lengths(runs: Iterable[RecordedRun], mapped: Mapped) -> None:
    lengths: dict[str, dict[int, str]] = defaultdict(dict)
    for run in runs:
        if run.status == Status.OK:
            lengths[run.task.id].setdefault(len(run.slices), run.name)
    if task := next((task for task, found in lengths.items() if len(found) > 1), None):
        examples = ", ".join(f"{name} has {count}" for count, name in lengths[task].items())
        raise InteropError(
            f"runs of {task} that ended well differ in their number of slices ({examples}); give the status of those "
            f"that stopped early, or write `resample: true` into {mapped.file}"
        )
