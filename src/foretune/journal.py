"""The journal of a search: one header line, then one line a report, appended and fsynced before the optimizer is told.

What is in the journal has happened, whatever kills the process; what is not in it is trained again, or found on disk.
A half-written last line is what a kill leaves behind, and is dropped; any other damage is an error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretune.disk import replace_file
from foretune.errors import ForetuneError, JournalError
from foretune.parsing import parse_json, read_as
from foretune.types import Configuration, History, LearningCurve, Report, Status, Trial, Value

SCHEMA_VERSION = 1
_SCORES = {"nll": float, "token_accuracy": float, "exact_match": float}
_HEADER: Mapping[str, Any] = {
    "settings": {**dict.fromkeys(("data", "model", "optimizer", "space"), str), "seed": int},
    "task": {"id": str, "max_fidelity": int, "dataset": str, "model": str, "meta_features": Mapping[str, float]},
    "rows": Mapping[str, int],
    "zero_shot": {"validation": _SCORES, "test": _SCORES},
    "versions": Mapping[str, str],
    "metric": Mapping[str, Any],
    "memory": Mapping[str, Any] | None,
    "default": Mapping[str, Value],
    "budget_seconds": float | None,
    "setup_seconds": float,
    "command": str,
}
"""Kinds of the values of a header that are there."""
_REPORT: Mapping[str, Any] = {
    "configuration": Mapping[str, Value],
    **dict.fromkeys(("trial", "fidelity", "resumes_from"), int),
    **dict.fromkeys(("status", "message"), str),
    **dict.fromkeys(("scores", "slice_seconds"), tuple[float, ...]),
    **dict.fromkeys(("seconds", "spent_seconds"), float),
}


@dataclass(frozen=True)
class JournalEntry:
    """A report, and the seconds of the budget that were spent when it was written down."""

    report: Report
    spent_seconds: float


@dataclass(frozen=True)
class Journal:
    """All that a journal file holds.

    Attributes:
        header: what the search was asked to do, and what it knew before its first trial.
        entries: in the order in which they happened.
    """

    header: Mapping[str, Any]
    entries: tuple[JournalEntry, ...] = field(default=())

    @property
    def history(self) -> History:
        """The reports alone."""
        return tuple(entry.report for entry in self.entries)

    @property
    def spent_seconds(self) -> float:
        """Seconds of the budget that are gone: at the last report or, before the first, after loading."""
        return self.entries[-1].spent_seconds if self.entries else float(self.header.get("setup_seconds", 0.0))


def report_to_json(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    return {
        "trial": report.trial.id,
        "configuration": dict(report.trial.configuration.values),
        "resumes_from": report.trial.resumes_from,
        "fidelity": report.trial.fidelity,
        "status": str(report.status),
        "message": report.message,
        "scores": report.curve.scores.tolist(),
        "slice_seconds": report.curve.seconds.tolist(),
        "seconds": report.seconds,
    }


def report_from_json(values: Mapping[str, Any]) -> Report:
    """The report that `report_to_json` wrote.

    Raises:
        KeyError, ValueError: if `values` are not such a report.
    """
    values = read_as(dict(_REPORT), values, "the report")
    trial = Trial(values["trial"], Configuration(values["configuration"]), values["fidelity"], values["resumes_from"])
    curve = LearningCurve(values["scores"], values["slice_seconds"])
    return Report(trial, Status(values["status"]), curve, values["message"], float(values["seconds"]))


def create_journal(path: Path, header: Mapping[str, Any]) -> None:
    """Start a journal: all of its header is on disk, or the file is not there."""
    line = _line({"schema_version": SCHEMA_VERSION, **header})
    replace_file(path, lambda fresh: fresh.write_bytes(line))


def append_entry(path: Path, entry: JournalEntry) -> None:
    """Write one entry durably, over the half-written line that a kill may have left at the end."""
    with path.open("r+b") as file:
        content = file.read()
        file.seek(content.rfind(b"\n") + 1)
        file.truncate()
        file.write(_line({**report_to_json(entry.report), "spent_seconds": entry.spent_seconds}))
        file.flush()
        os.fsync(file.fileno())


def read_journal(path: Path) -> Journal:
    """Read a journal without its half-written last line, if it has one.

    Raises:
        JournalError: if the file is not a journal, is newer than this version, or a complete line in it is damaged.
    """
    complete = path.read_bytes().split(b"\n")[:-1]
    if not complete:
        message = f"{path} has no complete line; delete it to start the search anew"
        raise JournalError(message)
    header = _read_header(complete[0], path)
    return Journal(header, tuple(_read_entry(line, path, number) for number, line in enumerate(complete[1:], start=2)))


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _read_header(line: bytes, path: Path) -> Mapping[str, Any]:
    try:
        header = read_as(dict(_HEADER), parse_json(line), "the header")
        version = read_as(int, header.get("schema_version"), "schema_version")
    except ValueError as error:
        message = f"{path}, line 1: expected the header of a journal ({error}); is this the journal.jsonl of a search?"
        raise JournalError(message) from error
    if version > SCHEMA_VERSION:
        message = f"{path} has schema version {version}, this foretune reads up to {SCHEMA_VERSION}; upgrade foretune"
        raise JournalError(message)
    return header


def _read_entry(line: bytes, path: Path, number: int) -> JournalEntry:
    try:
        values = parse_json(line)
        return JournalEntry(report_from_json(values), float(values["spent_seconds"]))
    except (ForetuneError, ValueError, KeyError) as error:
        message = f"{path}, line {number}: not a report ({error}); restore it, or cut the file before this line"
        raise JournalError(message) from error
