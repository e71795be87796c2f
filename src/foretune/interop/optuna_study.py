"""Optuna studies: parameters, intermediate values and times of their trials.

The curve of a trial is its intermediate values in the order of their steps, which may be counted from 0, or else its
only value. Optuna only knows when a trial began and ended, so every slice costs an equal part of the time in between,
unless that is far beyond what most trials take: the study was paused. A pruned trial was stopped, a failed one failed;
running and waiting ones are left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from statistics import median_low
from typing import Any, cast

from foretune.errors import InteropError
from foretune.interop.databases import check_database
from foretune.interop.optional import library
from foretune.interop.options import Direction, ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.parameters import plain, settings_of
from foretune.interop.points import UNTRAINED, counted_steps
from foretune.interop.recorded import Imported, RecordedRun, finite_slices, task_of
from foretune.interop.resample import ImportedSlice
from foretune.metadata.schema import STOPPED
from foretune.types import Status, Value

_STATUSES = {"COMPLETE": Status.OK, "PRUNED": STOPPED, "FAIL": Status.FAILED}
_MICROSECOND = 1e-6
_PAUSE = 20.0
"""Multiple of the seconds per slice of most trials; more is a pause of the study. Batch sizes and ranks make up for
less."""
PAUSED_TRIAL = "a trial's time far beyond that of most trials is a pause of the study; it costs what those do"


def optuna_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Trials of Optuna studies, from addresses (`sqlite:///study.db`) or the files of a journal.

    Raises:
        InteropError: if a study cannot be read or has several objectives.
    """
    pairs = [(study, trial) for path in paths for study in _studies(path, options) for trial in study.trials]
    kept = [(study, trial) for study, trial in pairs if trial.state.name in _STATUSES]
    runs = [_run(study, trial, options) for study, trial in kept]
    left = len(pairs) - len(kept)
    notes = [f"{left} trials that are running or waiting are left out"] if left else []
    return Imported(_without_pauses(runs), notes)


def _studies(path: str, options: ImportOptions) -> list[Any]:
    optuna = library("optuna", "optuna")
    own, database = optuna.exceptions.OptunaError, library("sqlalchemy.exc", "optuna").SQLAlchemyError
    try:
        storage = _storage(path, optuna)
        names = list(optuna.get_all_study_names(storage))
        found = [optuna.load_study(study_name=name, storage=storage) for name in _wanted(path, names, options)]
    except InteropError:
        raise
    except (own, database, OSError, ValueError, KeyError, RuntimeError) as error:
        message = f"{path} cannot be read as a storage of Optuna ({type(error).__name__}: {error}); give sqlite:///FILE"
        raise InteropError(message) from error
    return found


def _wanted(path: str, names: Sequence[str], options: ImportOptions) -> Sequence[str]:
    if unknown := [part for part in options.parts if part not in names]:
        raise InteropError(f"no study {', '.join(unknown)} in {path}; it has {', '.join(names) or 'none'}")
    return options.parts or names


def _storage(path: str, optuna: Any) -> Any:
    if path.startswith("sqlite:"):
        check_database(path)
        return _database(path, optuna)
    if "://" in path:
        return path
    file = Path(path)
    if not file.is_file():
        raise InteropError(
            f"no storage of Optuna at {path}; give an address such as sqlite:///study.db, or the file of a journal"
        )
    with file.open("rb") as start:
        if start.read(15) == b"SQLite format 3":
            return _database(f"sqlite:///{file}", optuna)
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


def _database(address: str, optuna: Any) -> Any:
    """A database that stays as it is, even if it is not one of Optuna."""
    return optuna.storages.RDBStorage(address, skip_table_creation=True)


def _run(study: Any, trial: Any, options: ImportOptions) -> RecordedRun:
    name = str(study.study_name)
    if len(study.directions) > 1:
        message = f"study {name!r} has {len(study.directions)} objectives; a task has one metric: import other studies"
        raise InteropError(message)
    direction = options.direction or cast(Direction, study.direction.name.lower())
    values: dict[str, Value] = {
        **plain(trial.params, f"study {name}, trial {trial.number}"),
        **settings_of(name, options.settings),
    }
    task = task_of(options, values, name, "", options.metric or "objective", direction)
    read, remarks = _slices(trial)
    slices, status, message = finite_slices(read)
    if status == Status.OK:
        status = _STATUSES[trial.state.name]
        message = "" if status == Status.OK else f"Optuna calls the trial {trial.state.name.lower()}"
    started = "" if trial.datetime_start is None else trial.datetime_start.astimezone(UTC).isoformat()
    return RecordedRun(
        f"{name}-{trial.number:04d}",
        task,
        options.chosen(values),
        slices,
        status=status,
        message=message,
        facts={"started": started, **figures_of(None, options)},
        remarks=remarks,
    )


def _slices(trial: Any) -> tuple[list[ImportedSlice], list[str]]:
    """The slices of a trial, and remarks."""
    points = sorted(trial.intermediate_values.items())
    steps, untrained = counted_steps([step for step, _ in points])
    values = [value for _, value in points][int(untrained) :]
    if not values:
        values, steps, untrained = ([trial.value] if trial.value is not None else []), [None], False
    if not values:
        return [], []
    if trial.datetime_start is None or trial.datetime_complete is None:
        raise InteropError(f"trial {trial.number} has no times; only trials that a study ran itself have costs")
    seconds = max((trial.datetime_complete - trial.datetime_start).total_seconds() / len(values), _MICROSECOND)
    slices = [
        ImportedSlice(float(value), seconds, steps=step)
        for value, step in zip(values, steps[int(untrained) :], strict=True)
    ]
    return slices, [UNTRAINED] if untrained else []


def _without_pauses(runs: Sequence[RecordedRun]) -> list[RecordedRun]:
    """Trials whose slices took far longer than those of most trials of the task cost as much as most trials.

    Optuna does not say when a slice ended: that a study was paused shows in one trial's time alone.
    """
    usual = {
        task: median_low([run.slices[0].seconds for run in runs if run.task.id == task and run.slices])
        for task in {run.task.id for run in runs if run.slices}
    }
    return [
        replace(
            run,
            slices=[replace(one, seconds=usual[run.task.id]) for one in run.slices],
            remarks=(*run.remarks, PAUSED_TRIAL),
        )
        if run.slices and run.slices[0].seconds > _PAUSE * usual[run.task.id]
        else run
        for run in runs
    ]
