"""A search from its settings to its report: what `tune`, `demo` and the benchmarks share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from foretune.errors import ForetuneError, JournalError
from foretune.execution.pruning import prune_checkpoints
from foretune.journal import create_journal, read_journal
from foretune.session.display import SearchDisplay
from foretune.session.durations import format_seconds
from foretune.session.ground import Ground, prepare
from foretune.tuner import Budget, Clock, Progress, TuningResult, tune
from foretune.types import Report, Status, Trial

JOURNAL = "journal.jsonl"
TRIALS = "trials"


@dataclass(frozen=True)
class Settings:
    """What decides the course of a search; a search is only resumed under the settings that it was begun with.

    Attributes:
        data: file, folder or hub name of the dataset.
        model: base model.
        seed: of the splits, the candidates, the adapters and the order of the data.
        space: name or file of the search space.
        optimizer: chooses the trials.
        candidates: configurations sampled from the space.
        surrogate: folder of fitted surrogates; None for the shipped ones.
        max_length: tokens that an example may have; None for what the model can take, at most 512.
        train_rows: use only so many rows to train; None for all.
        device: `cpu`, `cuda`, ...
    """

    data: str
    model: str
    seed: int = 0
    space: str = "peft"
    optimizer: str = "transfer-in-context"
    candidates: int = 256
    surrogate: str | None = None
    max_length: int | None = None
    train_rows: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Found:
    """A search that has ended, with what is needed to report on it."""

    settings: Settings
    budget: Budget
    output: Path
    ground: Ground
    result: TuningResult


def search(
    settings: Settings, budget: Budget, output: Path, console: Console, *, resume: bool = False, isolate: bool = False
) -> Found:
    """Load everything, then tune until the budget is spent.

    The clock starts here: loading and the zero-shot evaluation are part of the budget. A resumed search starts with the
    seconds that its journal says; loading again is not counted, nor is what a kill has cut off.

    Args:
        settings: of the search.
        budget: of the search; a resumed one may be given more.
        output: folder of the search.
        console: where progress is shown.
        resume: go on with the search in `output`.
        isolate: run trials in a process of their own.

    Raises:
        ForetuneError: whatever is wrong with the input, or if the budget ended before anything was trained.
    """
    clock = Clock()
    _check_output(output, settings, resume=resume)
    known = read_journal(output / JOURNAL).header if (output / JOURNAL).exists() else None
    with console.status("loading the model, the data and the base model's scores ..."):
        ground = prepare(settings, known)
    for note in ground.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, soft_wrap=True)
    console.print(
        f"zero-shot: validation loss {ground.zero_shot['validation'].nll:.4f}; "
        f"{len(ground.candidates)} candidate configurations, ready after {format_seconds(clock.spent())}",
        highlight=False,
        soft_wrap=True,
    )
    if known is None:
        create_journal(output / JOURNAL, _header(settings, ground, clock))
    result = _tune(settings, budget, output, ground, clock, console, isolate=isolate)
    if result.incumbent is None:
        raise ForetuneError(_nothing_trained(result))
    return Found(settings, budget, output, ground, result)


def _tune(
    settings: Settings,
    budget: Budget,
    output: Path,
    ground: Ground,
    clock: Clock,
    console: Console,
    *,
    isolate: bool,
) -> TuningResult:
    with ExitStack() as stack:
        display = stack.enter_context(SearchDisplay(console, budget, ground.task.max_fidelity, ground.zero_shot_nll))
        run_trial = ground.executor(settings, output / TRIALS, stack, isolate=isolate)

        def evaluate(trial: Trial) -> Report:
            # One slice may overrun; a run of several is stopped by the budget, for there is nothing else to stop it.
            many = trial.fidelity - trial.resumes_from > 1 and math.isfinite(budget.seconds)
            return whole_slices(run_trial(trial, max(1.0, budget.seconds - clock.spent()) if many else None))

        def prune(progress: Progress) -> None:
            """After every report, delete checkpoints that nothing will ask for again."""
            if progress.trial is None and progress.incumbent is not None:
                prune_checkpoints(
                    output / TRIALS,
                    progress.history,
                    max_fidelity=ground.task.max_fidelity,
                    best=progress.incumbent.configuration.key,
                    keep={ground.default.key},  # the final table needs it
                )

        return tune(
            ground.optimizer(settings),
            evaluate,
            budget=budget,
            journal=output / JOURNAL,
            observers=[display, prune],
            clock=clock,
        )


def whole_slices(report: Report) -> Report:
    """A run that the budget has cut off is ok up to its last whole slice, and a resumed search goes on from there."""
    reached = len(report.curve)
    if report.status is not Status.TIMED_OUT or reached <= report.trial.resumes_from:
        return report
    return replace(report, trial=replace(report.trial, fidelity=reached), status=Status.OK, message="")


def _check_output(output: Path, settings: Settings, *, resume: bool) -> None:
    """Refuse to mix two searches."""
    if output.exists() and not output.is_dir():
        message = f"{output} is a file; give a folder to --output"
        raise JournalError(message)
    journal = output / JOURNAL
    if output.exists() and any(output.iterdir()) and not resume:
        remedy = "add --resume to continue it" if journal.exists() else "nothing will be overwritten"
        message = f"{output} already exists; {remedy}, or give another folder to --output"
        raise JournalError(message)
    if resume and not output.is_dir():
        message = f"there is no search to resume at {output}; check the folder, or leave --resume out to begin one"
        raise JournalError(message)
    output.mkdir(parents=True, exist_ok=True)
    if journal.exists():
        _check_settings(read_journal(journal).header, settings, journal)


def _check_settings(header: Mapping[str, Any], settings: Settings, journal: Path) -> None:
    begun, asked = dict(header.get("settings", {})), asdict(settings)
    different = [name for name, value in asked.items() if begun.get(name) != value]
    if different:
        listed = "; ".join(f"{name} was {begun.get(name)!r} and is now {asked[name]!r}" for name in different)
        message = f"{journal} belongs to another search ({listed}); give the same arguments, or another --output"
        raise JournalError(message)


def _header(settings: Settings, ground: Ground, clock: Clock) -> dict[str, Any]:
    return {
        "settings": asdict(settings),
        "task": {
            "id": ground.task.id,
            "meta_features": dict(ground.task.meta_features),
            "max_fidelity": ground.task.max_fidelity,
        },
        "rows": {split: len(getattr(ground.data, split)) for split in ("train", "validation", "test")},
        "zero_shot": {split: asdict(scores) for split, scores in ground.zero_shot.items()},
        "pace": [{"configuration": dict(one.values), "seconds": took} for one, took in ground.pace.items()],
        "versions": dict(ground.versions),
        "setup_seconds": clock.spent(),
    }


def _nothing_trained(result: TuningResult) -> str:
    failures = [f"{report.status}: {report.message}" for report in result.history]
    if failures:
        return f"none of the {len(failures)} trials was scored; the last one said: {failures[-1]}"
    return (
        f"nothing was trained: loading took {format_seconds(result.spent_seconds)} of the budget, and then "
        f"{result.reason}; give a larger --budget"
    )
