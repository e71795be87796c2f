"""The three tables of a meta-dataset, made of recorded runs: shared by all readers.

A slice's cost is in the task's `cost_unit`, seconds where the source has them. Changes (curves of other lengths than
the task's, impossible figures) are counted in `provenance["notes"]`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from foretune.errors import InteropError
from foretune.interop.recorded import ImportedTask, RecordedRun
from foretune.interop.resample import resample
from foretune.interop.soundness import COPIES, growing_counts, sound_features, sound_run, without_copies
from foretune.metadata import MetaDataset
from foretune.metadata.rows import assemble
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX
from foretune.types import Status

_NAMED = 3
"""How many runs a note names."""


def tables(runs: Iterable[RecordedRun], provenance: Mapping[str, Any], notes: Sequence[str] = ()) -> MetaDataset:
    """Tasks, runs and curves of these runs.

    A complete run of a task has as many slices as most of its complete runs have (of equally common counts the
    smallest); others are resampled to that (see `resample`). A run that stopped early keeps the slices of the share
    that it trained, as far as the steps tell it, else as many of its slices as a complete run has.

    Args:
        runs: in the order that the tables will have.
        provenance: how the meta-dataset was made; `notes` are added to it.
        notes: omissions and changes of the reader.

    Raises:
        InteropError: if there is no run, or tasks of one name differ.
    """
    numbered = _typed(_numbered([sound_run(run) for run in runs]))
    tasks = _tasks(numbered)
    groups = _by_task(numbered)
    lengths = {task: _length(runs) for task, runs in groups.items()}
    ends = {task: _common_end(runs) for task, runs in groups.items()}
    fitted = [_fitted(run, lengths[run.task.id], ends[run.task.id]) for run in numbered]
    changed = sum(len(old.slices) != len(new.slices) for old, new in zip(numbered, fitted, strict=True))
    kept, copies = without_copies(fitted)
    features, said = sound_features(tasks)
    said += [f"curves of {changed} runs have another number of slices than in the source"] if changed else []
    said += [f"{COPIES}: {_named(copies)}"] if copies else []
    rows = {
        "tasks": [_task_row(task, lengths[task.id], features[task.id]) for task in tasks],
        "runs": [_run_row(run, str(provenance.get("how", ""))) for run in kept],
        "curves": [row for run in kept for row in _curve_rows(run)],
    }
    written = {**provenance, "notes": [*notes, *_remarks(kept), *said]}
    return assemble(rows, written)


def _remarks(runs: Sequence[RecordedRun]) -> list[str]:
    """The remarks on runs, once each, with the names of their runs."""
    found: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        for remark in dict.fromkeys(run.remarks):
            found[remark].append(run.name)
    return [f"{remark} ({_named(names)})" for remark, names in found.items()]


def _named(runs: Sequence[str]) -> str:
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return ", ".join(runs[:_NAMED]) + more


def _by_task(runs: Iterable[RecordedRun]) -> dict[str, list[RecordedRun]]:
    groups: dict[str, list[RecordedRun]] = defaultdict(list)
    for run in runs:
        groups[run.task.id].append(run)
    return groups


def _numbered(runs: list[RecordedRun]) -> list[RecordedRun]:
    """Seeds for runs without one, unique names, and no empty configuration."""
    if not runs:
        raise InteropError("there is no run to import; check the paths and the names of metric, experiment or study")
    if empty := next((run.name for run in runs if not run.configuration), None):
        message = f"run {empty!r} has no hyperparameters; name some with --parameter or give them with --settings"
        raise InteropError(message)
    repeats: Counter[Any] = Counter()
    named: list[RecordedRun] = []
    for run in runs:
        key = (run.task.id, *sorted((name, str(value)) for name, value in run.configuration.items()))
        seed = repeats[key] if run.seed is None else run.seed
        repeats[key] += 1
        named.append(replace(run, name=f"{run.task.id}/{run.name}", seed=seed))
    return named


def _typed(runs: list[RecordedRun]) -> list[RecordedRun]:
    """Whole numbers among the floats of a hyperparameter become floats, for a column has one type."""
    kinds: dict[str, set[type]] = defaultdict(set)
    for run in runs:
        for name, value in run.configuration.items():
            kinds[name].add(type(value))
    floats = {name for name, found in kinds.items() if found == {int, float}}
    return [
        replace(run, configuration={k: float(v) if k in floats else v for k, v in run.configuration.items()})
        for run in runs
    ]


def _tasks(runs: Iterable[RecordedRun]) -> list[ImportedTask]:
    tasks: dict[str, ImportedTask] = {}
    for run in runs:
        first = tasks.setdefault(run.task.id, run.task)
        if first != run.task:
            raise InteropError(
                f"two tasks would be named {run.task.id!r}, but differ: {first} and {run.task}; "
                "import them one by one, or give one of them another --dataset"
            )
    return list(tasks.values())


def _length(runs: Sequence[RecordedRun]) -> int:
    complete = Counter(len(run.slices) for run in runs if run.status == Status.OK)
    if 0 in complete:
        name = next(run.name for run in runs if run.status == Status.OK and not run.slices)
        raise InteropError(f"run {name!r} ended well but has no value of the metric; correct it, or give its status")
    most = max(complete.values(), default=0)
    return min((length for length, count in complete.items() if count == most), default=_longest(runs))


def _longest(runs: Sequence[RecordedRun]) -> int:
    """Slices that the longest run has, or would have had by its planned steps or epochs."""
    return max([1, *(_planned_slices(run) for run in runs if run.slices)])


def _planned_slices(run: RecordedRun) -> int:
    count, last = len(run.slices), run.slices[-1]
    trained = last.steps or last.epochs
    return max(count, round(count * run.planned / trained)) if run.planned and trained else count


def _common_end(runs: Sequence[RecordedRun]) -> float | None:
    """Steps of the complete runs, if they have equally many."""
    ends = {run.slices[-1].steps for run in runs if run.status == Status.OK and run.slices}
    return ends.pop() if len(ends) == 1 else None


def _fitted(run: RecordedRun, length: int, end: float | None) -> RecordedRun:
    if run.status == Status.OK or not run.slices:
        slices = resample(run.slices, length) if run.slices else ()
    elif (planned := run.planned or end) and run.slices[-1].steps is not None:
        slices = resample(run.slices, length, planned)
    else:
        slices = run.slices[:length]
    return growing_counts(replace(run, slices=slices))


def _task_row(task: ImportedTask, max_fidelity: int, features: Mapping[str, float]) -> dict[str, Any]:
    return {
        "task": task.id,
        "dataset": task.dataset,
        "model": task.model,
        "family": task.family or task.dataset,
        "source": task.source or task.dataset,
        "license": task.license,
        "metric": task.metric,
        "direction": task.direction,
        "cost_unit": task.cost_unit,
        "n_train": task.rows,
        "max_fidelity": max_fidelity,
        "zero_shot_validation_value": task.zero_shot,
        **{FEATURE_PREFIX + name: value for name, value in features.items()},
    }


def _run_row(run: RecordedRun, how: str) -> dict[str, Any]:
    configuration = {CONFIGURATION_PREFIX + name: value for name, value in run.configuration.items()}
    return {
        "run": run.name,
        "task": run.task.id,
        "seed": run.seed,
        "status": str(run.status),
        "message": run.message,
        "hardware": "",
        "started": "",
        "source": how or None,
        **run.facts,
        "versions": json.dumps(run.facts.get("versions", {}), sort_keys=True),
        **configuration,
    }


def _curve_rows(run: RecordedRun) -> list[dict[str, Any]]:
    return [
        {
            "run": run.name,
            "fidelity": fidelity,
            "epochs": one.epochs,
            "steps": None if one.steps is None else round(one.steps),
            "tokens": None if one.tokens is None else round(one.tokens),
            "validation_value": one.value,
            "test_value": one.test,
            "train_seconds": one.seconds,
            "evaluation_seconds": one.evaluation_seconds,
        }
        for fidelity, one in enumerate(run.slices, start=1)
    ]
