"""How far a search in a folder is, from the few files that it keeps up to date; quick, and also while it runs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any, Literal

from foretune.disk import replace_text
from foretune.errors import JournalError
from foretune.journal import read_journal
from foretune.parsing import parse_json, read_as
from foretune.report.run_report import read_run_report
from foretune.session.folder import JOURNAL, PROGRESS, REPORT, Holder, holder_of, is_locked
from foretune.tuner import Budget, Progress, incumbent_of, slices_trained
from foretune.types import VALIDATION_NLL, History, Trial, Value

_BETWEEN = 0.2
"""Seconds, at most, in which a search that has ended its trials and begins to close holds no lock."""


@dataclass(frozen=True)
class Training:
    """A trial that is under way.

    Attributes:
        configuration: that is trained.
        from_slice: first slice of the trial.
        to_slice: last slice of the trial.
    """

    configuration: Mapping[str, Value]
    from_slice: int
    to_slice: int


@dataclass(frozen=True)
class Best:
    """The best checkpoint so far.

    Attributes:
        configuration: how it was finetuned.
        slices: slices trained to this checkpoint.
        validation_loss: nats per learned token.
    """

    configuration: Mapping[str, Value]
    slices: int
    validation_loss: float


@dataclass(frozen=True)
class SearchStatus:
    """How far a search is.

    Attributes:
        run: its folder.
        state: `running`; `finished`, with a report; or `killed`, which `--resume` goes on with.
        process: that runs it, None if none does.
        data: where the dataset is.
        model: the base model.
        trials: that have ended.
        failed_trials: of these, without a score.
        slices: that were trained.
        configurations: that were tried.
        zero_shot_loss: validation loss of the base model.
        best: None before the first score.
        budget_seconds: None without a limit, or if it is not known.
        spent_seconds: of these; where nothing runs, up to the last trial that has ended.
        left_seconds: of these, the time for the end included.
        budget_slices: that may be trained; None without a limit.
        training: trials under way; none while the next one is chosen, or the end is prepared.
    """

    run: Path
    state: Literal["running", "finished", "killed"]
    process: Holder | None
    data: str
    model: str
    trials: int
    failed_trials: int
    slices: int
    configurations: int
    zero_shot_loss: float | None
    best: Best | None
    budget_seconds: float | None
    spent_seconds: float
    left_seconds: float | None
    budget_slices: int | None
    training: tuple[Training, ...]


@dataclass(frozen=True)
class _Noted:
    """What a search has written down of itself, as far as it has.

    Attributes:
        written: when, on the monotonic clock, which all processes of a machine share; `time.time` may be set.
        spent_seconds: of the budget, at that time.
        budget_seconds: see `SearchStatus`.
        budget_slices: see `SearchStatus`.
        training: see `SearchStatus`.
    """

    written: float | None = None
    spent_seconds: float = 0.0
    budget_seconds: float | None = None
    budget_slices: int | None = None
    training: tuple[Training, ...] = ()


def noting(output: Path, budget: Budget) -> Callable[[Progress], None]:
    """An observer of a search that keeps the file up to date that `status_of` reads.

    Args:
        output: folder of the search.
        budget: of the search.
    """

    def note(progress: Progress) -> None:
        """Replace the file, so that nobody reads half of it."""
        content = {
            "written": time.monotonic(),
            "spent_seconds": progress.spent_seconds,
            "budget_seconds": budget.seconds if math.isfinite(budget.seconds) else None,
            "budget_slices": budget.slices,
            "training": [_training(trial) for trial in progress.pending],
        }
        replace_text(output / PROGRESS, json.dumps(content))

    return note


def _training(trial: Trial) -> Mapping[str, Any]:
    values = dict(trial.configuration.values)
    return {"configuration": values, "from_slice": trial.resumes_from + 1, "to_slice": trial.fidelity}


def status_of(run: Path) -> SearchStatus:
    """How far the search in a folder is.

    Args:
        run: the `--output` of `foretune tune` or `demo`.

    Raises:
        JournalError: there is no search, or its journal is damaged.
    """
    if (run / "search" / JOURNAL).is_file():
        run /= "search"
    if not (run / JOURNAL).is_file():
        where = "is no folder" if not run.is_dir() else "holds no search (yet)"
        message = f"{run} {where}: a search writes there once model and data are loaded; check the path, or wait for it"
        raise JournalError(message)
    journal, noted = read_journal(run / JOURNAL), _noted(run)
    history, best = journal.history, incumbent_of(journal.history)
    runs, process = _is_running(run, history), holder_of(run)
    settings = journal.header.get("settings", {})
    zero_shot = journal.header.get("zero_shot", {}).get("validation", {})
    spent = _spent(noted, process) if runs and noted.written is not None else journal.spent_seconds
    allowed = noted.budget_seconds
    return SearchStatus(
        run=run,
        state="running" if runs else "finished" if _has_report(run, history) else "killed",
        process=process if runs else None,
        data=str(settings.get("data", "")),
        model=str(settings.get("model", "")),
        trials=len(history),
        failed_trials=sum(not len(report.curve) for report in history),
        slices=slices_trained(history),
        configurations=len({report.trial.configuration.key for report in history}),
        zero_shot_loss=zero_shot.get("nll"),
        best=best and Best(dict(best.configuration.values), best.fidelity, VALIDATION_NLL.score(best.score)),
        budget_seconds=allowed,
        spent_seconds=spent,
        left_seconds=None if allowed is None else max(0.0, allowed - spent),
        budget_slices=noted.budget_slices,
        training=noted.training if runs else (),
    )


def _noted(run: Path) -> _Noted:
    """What `noting` has written; a search of an earlier version has not."""
    try:
        return read_as(_Noted, parse_json((run / PROGRESS).read_bytes()))
    except (FileNotFoundError, ValueError):
        return _Noted()


def _is_running(run: Path, history: History) -> bool:
    if is_locked(run):
        return True
    if _has_report(run, history):
        return False
    time.sleep(_BETWEEN)
    return is_locked(run)


def _has_report(run: Path, history: History) -> bool:
    """Whether the report is of the whole journal, and not of a search that was gone on with."""
    if not (run / REPORT).is_file():
        return False
    known = {trial.key: len(trial.validation_nll) for trial in read_run_report(run / REPORT).trials}
    return all(len(one.curve) <= known.get(one.trial.configuration.key, 0) for one in history)


def _spent(noted: _Noted, process: Holder | None) -> float:
    """Seconds of the budget that a running search has spent; on another machine, those that it has written down.

    Those of a trial that a kill has cut off do not count, as where the search is resumed.
    """
    if noted.written is None or process is None or process.host != gethostname():
        return noted.spent_seconds
    return noted.spent_seconds + max(0.0, time.monotonic() - noted.written)
