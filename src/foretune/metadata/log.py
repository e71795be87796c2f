"""Append-only logs of a collection under way: a JSON line per described task, and a line per finished run.

`tasks.jsonl` holds rows of the table of tasks, `runs.jsonl` holds {"run": row of the table of runs, "slices": [rows of
the table of curves without their run]}. A line is on disk before anyone relies on it; a half-written last line, left by
a kill, is cut off. Where a run has several lines (it failed and was tried again), the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from foretune.errors import MetaDatasetError
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.frames import frame_to_rows
from foretune.metadata.read import read_meta_dataset
from foretune.metadata.rows import assemble
from foretune.parsing import parse_json, read_as

TASKS_LOG = "tasks.jsonl"
RUNS_LOG = "runs.jsonl"
_ANY: Mapping[str, Any] = MappingProxyType({})
_TASK: Mapping[str, Any] = {"task": str}
_RUN: Mapping[str, Any] = {"run": {"run": str}, "slices": tuple[Mapping[str, Any], ...]}


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append one record and wait until it is on disk."""
    line = json.dumps(dict(record), ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path, kinds: Mapping[str, Any] = _ANY) -> list[dict[str, Any]]:
    """All records of a log, none if there is no log; a half-written last line is cut off the file.

    Args:
        path: of the log.
        kinds: of values that a record has, see `foretune.parsing.read_as`.

    Raises:
        MetaDatasetError: if another line is damaged.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    if len(complete) < len(content):
        os.truncate(path, len(complete))
    return [_parse(path, number, line, kinds) for number, line in enumerate(complete.splitlines(), start=1)]


def _parse(path: Path, number: int, line: bytes, kinds: Mapping[str, Any]) -> dict[str, Any]:
    try:
        record = parse_json(line)
    except ValueError as error:
        message = f"{path}, line {number}: not a JSON object ({error}); remove the line, and it will be done again"
        raise MetaDatasetError(message) from error
    if not isinstance(record, dict):
        raise MetaDatasetError(f"{path}, line {number}: expected a JSON object, got {line[:40]!r}; remove the line")
    try:
        return read_as(dict(kinds), record, "the record")
    except ValueError as error:
        raise MetaDatasetError(f"{path}, line {number}: {error}; remove the line, and it will be done again") from error


def read_tasks(folder: Path) -> dict[str, dict[str, Any]]:
    """Described tasks by name."""
    return {row["task"]: row for row in read_lines(folder / TASKS_LOG, _TASK)}


def read_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """Finished runs by name."""
    return {record["run"]["run"]: record for record in read_lines(folder / RUNS_LOG, _RUN)}


def restore_logs(folder: Path) -> dict[str, Any] | None:
    """Recreate the logs from the tables in a folder without logs, for instance a copy of a shipped meta-dataset.

    Returns:
        The provenance of the tables; None if there was nothing to restore.
    """
    if (folder / RUNS_LOG).exists() or not (folder / "metadata.json").is_file():
        return None
    meta = read_meta_dataset(folder)
    slices: dict[str, list[dict[str, Any]]] = {run: [] for run in meta.runs["run"]}
    for one in frame_to_rows(meta.curves):
        slices[one.pop("run")].append(one)
    runs = [{"run": run, "slices": slices[run["run"]]} for run in frame_to_rows(meta.runs)]
    for name, records in ((TASKS_LOG, frame_to_rows(meta.tasks)), (RUNS_LOG, runs)):  # the one looked for comes last
        new = folder / f".{name}.new"
        new.unlink(missing_ok=True)
        for record in records:
            append_line(new, record)
        new.replace(folder / name)
    return dict(meta.provenance)


def compile_logs(folder: Path, provenance: Mapping[str, Any]) -> MetaDataset:
    """The logs as a meta-dataset, with runs in the order of their names, whatever order they finished in.

    Raises:
        MetaDatasetError: if a log is damaged, or its records do not fit together.
    """
    try:
        tasks, records = read_tasks(folder), dict(sorted(read_runs(folder).items()))
        curves = [{"run": run, **one} for run, record in records.items() for one in record["slices"]]
    except KeyError as error:
        message = f"{folder}: the logs hold a line that is no task or no run ({error!r}); remove it"
        raise MetaDatasetError(message) from error
    runs = [record["run"] for record in records.values()]
    return assemble({"tasks": list(tasks.values()), "runs": runs, "curves": curves}, provenance)
