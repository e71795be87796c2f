"""What the folder of a run says, whether the run has ended or not: `report.json`, the journal, and files of slices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from foretune.errors import JournalError
from foretune.execution.jobs import read_records
from foretune.journal import Journal, read_journal
from foretune.parsing import read_as
from foretune.report.final_scores import Measurement, ModelScores
from foretune.report.run_report import RunReport, TrialCurve, read_run_report, trial_curves
from foretune.tuner import incumbent_of
from foretune.types import Configuration

REPORT, JOURNAL, BEGUN, SLICES = "report.json", "journal.jsonl", "begun.jsonl", "slices.jsonl"
TRIALS, COMPARISON = "trials", "comparison"
_NEEDED = {"validation_nll", "train_seconds", "evaluation_seconds", "tokens"}


class State(StrEnum):
    """How far a run is."""

    FINISHED = "finished"
    RUNNING = "running"
    STOPPED = "stopped"
    GONE_ON = "gone on"
    """A finished search that was given more time, and has not ended again."""


@dataclass(frozen=True)
class RunFiles:
    """What the folder of one configuration holds.

    Attributes:
        slices: lines of `slices.jsonl`.
        run: content of `run.json`.
        compared: whether it was trained for comparison, outside of the budget.
    """

    slices: tuple[Mapping[str, Any], ...]
    run: Mapping[str, Any]
    compared: bool = False

    def seconds(self, name: str) -> float:
        """Sum over slices, of `train_seconds` or `evaluation_seconds`."""
        return sum(float(line.get(name) or 0.0) for line in self.slices)


@dataclass(frozen=True)
class RunRecord:
    """A run, from its folder.

    Attributes:
        report: of a run that has not ended: what is known, without a choice.
        state: how far it is.
        header: of the journal; empty where there is none.
        journal: of a search; None of a single run.
        files: of each configuration, by key; the default may have two, see `RunFiles.compared`.
    """

    report: RunReport
    state: State
    header: Mapping[str, Any] = field(default_factory=dict)
    journal: Journal | None = None
    files: tuple[tuple[str, RunFiles], ...] = ()

    @property
    def ended(self) -> bool:
        """Whether something was chosen and scored."""
        return bool(self.report.scores) and self.report.scores[-1].name != "zero-shot"

    @property
    def untouched(self) -> float | None:
        """Validation loss of the base model."""
        rows = [row.validation.nll for row in self.report.scores if row.name == "zero-shot"]
        known = self.header.get("zero_shot", {}).get("validation", {}).get("nll")
        return rows[0] if rows else known


def home_of(run: Path) -> Path:
    """The folder that the files of a run are in.

    Args:
        run: output folder of a search, a single run or the demo, or the adapter in it.

    Raises:
        JournalError: there is none.
    """
    for folder in (run, run / "search", *([run.parent] if run.name == "adapter" else [])):
        if any((folder / name).is_file() for name in (REPORT, JOURNAL, BEGUN)):
            return folder
    if not run.is_dir():
        message = f"there is no run at {run}; give the folder that was the --output of `foretune tune` or `finetune`"
        raise JournalError(message)
    message = f"{run} holds no run; give the folder that was the --output of `foretune tune` or `finetune`"
    raise JournalError(message)


def read_record(home: Path, *, running: bool = False) -> RunRecord:
    """Read all that a page tells.

    Args:
        home: see `home_of`.
        running: whether a process is at work in the folder.

    Raises:
        JournalError: a file of the folder is damaged.
    """
    path = home / JOURNAL if (home / JOURNAL).is_file() else home / BEGUN
    journal = read_journal(path) if path.is_file() else None
    report = read_run_report(home / REPORT) if (home / REPORT).is_file() else None
    header = journal.header if journal else {}
    if path.name == BEGUN and journal:
        report = _begun_report(home, header) if report is None else report
        journal = None
    elif report is None and journal:
        report = _unfinished_report(journal)
    if report is None:
        raise JournalError(f"{home} has no {REPORT} and no {JOURNAL}; give the folder of a run")
    state = State.FINISHED if (home / REPORT).is_file() else State.STOPPED
    if state is State.FINISHED and journal and (longer := _gone_on(report, journal)):
        report, state = longer, State.GONE_ON
    elif running:
        state = State.RUNNING
    report = replace(report, trials=tuple(sorted(report.trials, key=_begun_at)))
    files = _files(home, report)
    return RunRecord(report, state, header, journal, files)


def _begun_at(trial: TrialCurve) -> float:
    """When its first slice ended; what was trained after the search, or is of no search, comes last."""
    return trial.spent_seconds[0] if trial.spent_seconds else math.inf


def _gone_on(report: RunReport, journal: Journal) -> RunReport | None:
    """The report of an earlier end with the curves of the journal, if that has slices that the report lacks."""
    known = {trial.key: len(trial.validation_nll) for trial in report.trials}
    curves = trial_curves(journal.entries, {})
    if all(len(one.validation_nll) <= known.get(one.key, -1) for one in curves):
        return None
    whole = {one.key: one for one in report.trials} | {
        one.key: one for one in curves if len(one.validation_nll) > known.get(one.key, -1)
    }
    return replace(report, trials=tuple(whole.values()), spent_seconds=journal.spent_seconds)


def _unfinished_report(journal: Journal) -> RunReport:
    """What the journal of a search says before its end."""
    header, best = journal.header, incumbent_of(journal.history)
    default = Configuration(header["default"]).key if header.get("default") else ""
    return replace(
        _empty_report(header),
        spent_seconds=journal.spent_seconds,
        setup_seconds=float(header.get("setup_seconds", 0.0)),
        best_key=best.configuration.key if best else "",
        default_key=default,
        trials=trial_curves(journal.entries, {}),
    )


def _begun_report(home: Path, header: Mapping[str, Any]) -> RunReport:
    """What is known of a single configuration that is being trained."""
    folders = [home, *sorted((home / TRIALS).glob("*"))]
    curves = tuple(filter(None, map(_curve_of, folders)))
    spent = sum(sum(one.seconds) for one in curves)
    return replace(_empty_report(header), trials=curves, spent_seconds=spent, best_key=curves[-1].key if curves else "")


def _curve_of(folder: Path) -> TrialCurve | None:
    files = _read(folder)
    values, known = files.run.get("configuration"), [line.keys() >= _NEEDED for line in files.slices]
    if not values or not all(known):
        return None
    return TrialCurve(
        key=Configuration(values).key,
        configuration=values,
        status="ok",
        message="",
        validation_nll=tuple(float(line["validation_nll"]) for line in files.slices),
        seconds=tuple(float(line["train_seconds"]) + float(line["evaluation_seconds"]) for line in files.slices),
        spent_seconds=(),
        tokens=tuple(int(line["tokens"]) for line in files.slices),
    )


def _empty_report(header: Mapping[str, Any]) -> RunReport:
    settings, task = header.get("settings", {}), header.get("task", {})
    return RunReport(
        data=str(settings.get("data", "")),
        model=str(settings.get("model", "")),
        optimizer=str(settings.get("optimizer", "")),
        seed=int(settings.get("seed", 0)),
        budget_seconds=header.get("budget_seconds"),
        spent_seconds=0.0,
        setup_seconds=0.0,
        reason="",
        max_fidelity=int(task.get("max_fidelity", 1)),
        best_key="",
        default_key="",
        scores=_untouched(header.get("zero_shot", {})),
        trials=(),
        versions=header.get("versions", {}),
        metric=str(header.get("metric", {}).get("name", "nll")),
        command=str(header.get("command", "")),
    )


def _untouched(scores: Mapping[str, Mapping[str, Any]]) -> tuple[ModelScores, ...]:
    """The row of the base model, where both splits were scored before the search.

    Raises:
        JournalError: the header of the journal does not hold scores.
    """
    if not {"validation", "test"} <= scores.keys():
        return ()
    try:
        return (ModelScores("zero-shot", *(read_as(Measurement, scores[name]) for name in ("validation", "test"))),)
    except ValueError as error:
        message = f"the scores of the base model in {JOURNAL} are damaged ({error}); restore the first line of it"
        raise JournalError(message) from error


def _files(home: Path, report: RunReport) -> tuple[tuple[str, RunFiles], ...]:
    if (home / SLICES).is_file():
        return tuple((trial.key, _read(home)) for trial in report.trials[:1])
    places = [(trial.key, name) for trial in report.trials for name in (TRIALS, COMPARISON)]
    there = [(key, name, home / name / key) for key, name in places if (home / name / key).is_dir()]
    return tuple((key, _read(folder, compared=name == COMPARISON)) for key, name, folder in there)


def _read(folder: Path, *, compared: bool = False) -> RunFiles:
    """Its slices and its `run.json`; a file that cannot be read says nothing."""
    try:
        slices, run = read_records(folder, 2**31)
    except (OSError, ValueError):
        slices, run = (), {}
    return RunFiles(slices, run, compared)
