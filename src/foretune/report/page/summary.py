"""The top of a page: what was asked, the most important figures, and where the run took place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from foretune.metrics import NLL
from foretune.report.final_scores import Measurement
from foretune.report.page.record import RunRecord, State
from foretune.report.run_report import RunReport
from foretune.report.spoken import format_seconds
from foretune.report.tables import METRIC_NAMES, exact_match

_STATES = {
    State.FINISHED: "It has ended",
    State.RUNNING: "It is still running",
    State.STOPPED: "It has not ended",
    State.GONE_ON: "It was given more time and has not ended again",
}
_PATHS = re.compile(r"^(/|[A-Za-z]:|\.)|\.\w+$")
_SETTINGS = ("space", "optimizer", "candidates", "max_length", "train_rows", "columns", "device")


@dataclass(frozen=True)
class Figure:
    """A number at the top: its name, the number, and what to compare it with."""

    name: str
    value: str
    beside: str


def short_name(place: str) -> str:
    """The last part of a path; a name of the hub as it is."""
    return PurePath(place).name if _PATHS.search(place) else place


def figures_of(record: RunRecord) -> list[Figure]:
    """Scores on the test split against default and base model, then what the run has cost."""
    report, found = record.report, list[Figure]()
    if record.ended:
        found += _scores(report)
    elif best := [min(one.validation_nll) for one in report.trials if one.validation_nll]:
        beside = "" if record.untouched is None else f"untouched {record.untouched:.3f}"
        found.append(Figure("best validation loss so far", f"{min(best):.3f}", beside))
    count = len(report.trials)
    slices = sum(len(one.validation_nll) for one in report.trials)
    found.append(Figure("configurations", f"{count:,}", f"{slices:,} slices in all"))
    allowed = "" if report.budget_seconds is None else f"of {format_seconds(report.budget_seconds)}"
    return [*found, Figure("time", format_seconds(report.spent_seconds), allowed if record.journal else "of training")]


def _scores(report: RunReport) -> list[Figure]:
    """The returned adapter's, with those of the base model and the default beside them."""
    rows = {row.name: row.test for row in report.scores}
    returned = report.returned.test
    others = [(name, rows[key]) for name, key in (("default", "default"), ("untouched", "zero-shot")) if key in rows]
    losses = ", ".join(f"{name} {one.nll:.3f}" for name, one in others)
    matches = ", ".join(f"{name} {_share(one)}" for name, one in others)
    found = [
        Figure("test loss", f"{returned.nll:.3f}", losses),
        Figure("exact match", _share(returned), matches),
    ]
    if answered := returned.answered:
        means = ", ".join(f"{name} {one.answered.mean:.3f}" for name, one in others if one.answered)
        found.append(Figure(METRIC_NAMES[answered.metric], f"{answered.mean:.3f}", means))
    return found


def _share(measured: Measurement) -> str:
    """Of exact matches; of few rows, how many."""
    return exact_match(measured).rpartition(" (")[0] if measured.rows else f"{measured.exact_match:.1%}"


def asked_of(record: RunRecord) -> list[tuple[str, str]]:
    """What the run was asked to do, a name and a value each."""
    report, rows, settings = record.report, record.header.get("rows"), record.header.get("settings", {})
    said = [("data", report.data)]
    if rows:
        said.append(("rows", ", ".join(f"{count:,} for {split}" for split, count in rows.items())))
    said += [("base model", report.model)]
    if record.journal is not None:
        budget = "no limit of time" if report.budget_seconds is None else format_seconds(report.budget_seconds)
        said += [("budget", budget), ("chosen by", "validation loss" if report.metric == NLL else report.metric)]
    named = {name: settings.get(name) for name in _SETTINGS} | {"optimizer": report.optimizer, "seed": report.seed}
    said += [(name.replace("_", " "), str(value)) for name, value in named.items() if value not in (None, "")]
    reason = f", because {report.reason}" if report.reason and record.journal and record.state is State.FINISHED else ""
    return [*said, ("state", f"{_STATES[record.state]}{reason}.")]


def environment_of(record: RunRecord) -> list[tuple[str, str]]:
    """Hardware and versions of libraries."""
    hardware = dict.fromkeys(str(files.run["hardware"]) for _, files in record.files if files.run.get("hardware"))
    begun = sorted(str(files.run["started"]) for _, files in record.files if files.run.get("started"))
    said = [("hardware", "; ".join(hardware))] if hardware else []
    said += [("first slice begun", begun[0].replace("T", " ").partition("+")[0] + " UTC")] if begun else []
    return [*said, *record.report.versions.items()]
