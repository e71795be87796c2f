"""Tinker's supervised finetuning sweep: a Markdown file with one table of learning rates and LoRA ranks a model.

A run has one slice, all of its steps, and is judged by the loss on the test split, for there is no validation split.
Rows of the same learning rate and rank are repetitions. Runs that diverged are not in the tables but in a note below
them; they become runs without slices if the note identifies them without doubt. The training-set size is the number of
rows that a run sees, steps times batch size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foretune.errors import InteropError
from foretune.interop.documents import files_in, read_text
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of, stated_size
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun
from foretune.interop.resample import ImportedSlice
from foretune.types import Status, Value

_FIELD = re.compile(r"^- ([A-Za-z ]+): (.+)$")
_DIVERGED = re.compile(r"(\d+) run\(s\) diverged .*? at lr=\{([^}]*)\} with rank=\{([^}]*)\}")
_COLUMNS = ("LR", "LoRA Rank", "Test NLL")
_MINUTES = "Wall Time (min)"
_ABSENT = "no Markdown file at {}; give sft_sweep.md of Tinker's cookbook, or the folder that it is in"


@dataclass(frozen=True)
class _Section:
    """One model's part of the file.

    Attributes:
        model: its name.
        fields: from the list above the table.
        rows: of the table, by column.
        diverged: number of diverged runs, with their learning rates and ranks.
    """

    model: str
    fields: dict[str, str]
    rows: list[dict[str, str]]
    diverged: tuple[int, list[float], list[int]]


def tinker_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Sweeps of Tinker's cookbook, from Markdown files or folders with one: the runs of all models, and how many that
    diverged could not be told.

    Raises:
        InteropError: naming the file, the line and the expectation.
    """
    runs: list[RecordedRun] = []
    unknown = 0
    for file in files_in(paths, "*.md", _ABSENT):
        sections, general = _sections(file)
        for section in sections:
            read, left = _runs(section, general, file, options)
            runs += read
            unknown += left
    note = f"{unknown} runs that diverged are left out, for their source does not tell which they are"
    return Imported(runs, [note] if unknown else [])


def _sections(file: Path) -> tuple[list[_Section], dict[str, str]]:
    """The parts that have a table, and the facts at the top that hold for all (batch size, steps, adapter)."""
    lines = read_text(file).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    parts = zip(starts, [*starts[1:], len(lines)], strict=True)
    sections = [_section(lines, start, end, file) for start, end in parts if _header(lines[start:end]) is not None]
    if not sections:
        message = f"{file} has no table with the columns {', '.join(_COLUMNS)}; give a sweep of Tinker's cookbook"
        raise InteropError(message)
    top = [line.replace("**", "") for line in lines[: starts[0]]]
    return sections, {match[1]: match[2].strip("`") for line in top if (match := _FIELD.match(line))}


def _header(lines: Sequence[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if set(_COLUMNS) <= set(_cells(line))), None)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def _section(lines: Sequence[str], start: int, end: int, file: Path) -> _Section:
    part = lines[start:end]
    top = _header(part) or 0
    names, rows = _cells(part[top]), list[dict[str, str]]()
    for number, line in enumerate(part[top + 2 :], start=start + top + 3):
        if not line.startswith("|"):
            break
        if len(cells := _cells(line)) != len(names):
            raise InteropError(
                f"{file}, line {number}: {len(cells)} cells, expected {len(names)} ({', '.join(names)}); correct it"
            )
        rows.append({**dict(zip(names, cells, strict=True)), "line": str(number)})
    fields = {match[1]: match[2].strip("`") for line in part[:top] if (match := _FIELD.match(line))}
    return _Section(fields.get("Model", lines[start][3:].strip()), fields, rows, _diverged("\n".join(part)))


def _diverged(text: str) -> tuple[int, list[float], list[int]]:
    match = _DIVERGED.search(text)
    if match is None:
        return 0, [], []
    rates, ranks = ([part for part in re.split(r"[,\s]+", match[group]) if part] for group in (2, 3))
    return int(match[1]), [float(rate) for rate in rates], [int(rank) for rank in ranks]


def _runs(
    section: _Section, general: dict[str, str], file: Path, options: ImportOptions
) -> tuple[list[RecordedRun], int]:
    fields = {**general, **section.fields}
    figures = figures_of(file.parent, options)
    size, steps = _count(fields, "Batch size"), _count(fields, "Training steps")
    task = ImportedTask(
        options.named("dataset", {}, fields.get("Dataset", "").partition(" ")[0]),
        section.model,
        "test_nll",
        "minimize",
        rows=options.rows or (size * steps if size and steps else None),
        family=options.family or "instructions",
        features=stated_size(section.model),
    )
    common: dict[str, Value] = {"method": fields.get("Adapter", "LoRA").lower()}
    common |= {"batch_size": size} if size else {}
    runs = [_run(row, task, common, steps, file, figures) for row in section.rows]
    seen = {(run.configuration["learning_rate"], run.configuration["rank"]) for run in runs}
    count, rates, ranks = section.diverged
    pairs = [(rate, rank) for rate in rates for rank in ranks if (rate, rank) not in seen]
    known = pairs if len(pairs) == count else []
    runs += [_lost(rate, rank, task, common, figures) for rate, rank in known]
    return runs, count - len(known)


def _count(fields: dict[str, str], name: str) -> int | None:
    return int(fields[name]) if fields.get(name, "").isdecimal() else None


def _run(
    row: dict[str, str],
    task: ImportedTask,
    common: dict[str, Value],
    steps: int | None,
    file: Path,
    figures: dict[str, str],
) -> RecordedRun:
    try:
        rate, rank, value = float(row["LR"]), int(row["LoRA Rank"]), float(row["Test NLL"])
        minutes = float(row[_MINUTES]) if row.get(_MINUTES) else None
    except ValueError as error:
        message = f"{file}, line {row['line']}: {error}; expected numbers under {', '.join((*_COLUMNS, _MINUTES))}"
        raise InteropError(message) from error
    if minutes is None or minutes <= 0:
        message = f"{file}, line {row['line']}: no {_MINUTES} above 0; give it, for the cost of a run must be known"
        raise InteropError(message)
    configuration = {**common, "learning_rate": rate, "rank": rank}
    name = f"lr{rate:g}-rank{rank}-line{row['line']}"
    return RecordedRun(name, task, configuration, [ImportedSlice(value, 60 * minutes, steps=steps)], facts=figures)


def _lost(rate: float, rank: int, task: ImportedTask, common: dict[str, Value], figures: dict[str, str]) -> RecordedRun:
    configuration = {**common, "learning_rate": rate, "rank": rank}
    said = "the source only says that the loss was above 2.0"
    return RecordedRun(
        f"lr{rate:g}-rank{rank}-diverged", task, configuration, status=Status.DIVERGED, message=said, facts=figures
    )
