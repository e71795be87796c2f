"""Recorded runs, and the three tables made of them: what all readers share.

A slice's cost is in the task's `cost_unit`, seconds where the source has them. What has to be changed on the way
(curves of other lengths than the task's, meta-features that not every model has) is counted in `provenance["notes"]`.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from foretune.errors import InteropError
from foretune.interop.resample import Slice, resample
from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX
from foretune.metadata.source import task_id
from foretune.types import Status, Value


@dataclass(frozen=True)
class RecordedTask:
    """A dataset with a training-set size, on one base model, judged by one metric.

    Attributes:
        dataset: its name.
        model: name of the base model.
        metric: what runs are judged by.
        direction: `minimize` or `maximize`.
        cost_unit: what costs count.
        rows: training rows; None if unknown.
        family: kind of dataset; the dataset's name where nothing else is known.
        source: where the dataset comes from.
        license: of the dataset.
        features: meta-features, by name.
    """

    dataset: str
    model: str
    metric: str
    direction: str
    cost_unit: str = "seconds"
    rows: int | None = None
    family: str = ""
    source: str = ""
    license: str = "unknown"
    features: Mapping[str, float] = field(default_factory=dict[str, float], hash=False)

    @property
    def id(self) -> str:
        """Name of the task, `DATASET@ROWS:MODEL`."""
        return task_id(self.dataset, self.rows, self.model)


@dataclass(frozen=True)
class RecordedRun:
    """One run of a table.

    Attributes:
        name: as its source calls it; made unique with the name of the task in front.
        task: what was trained.
        configuration: its hyperparameters.
        slices: of its curve.
        seed: as recorded; None numbers the runs of one configuration 0, 1, ... in the order of the table.
        status: how it ended, one of `foretune.metadata.schema.STATUSES`.
        message: why it did not end well.
        facts: further columns of the table of runs, such as `hardware` or `peak_memory_bytes`.
    """

    name: str
    task: RecordedTask
    configuration: Mapping[str, Value]
    slices: Sequence[Slice] = ()
    seed: int | None = None
    status: str = Status.OK
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def finite_slices(slices: Iterable[Slice]) -> tuple[list[Slice], str, str]:
    """The slices before the first value that is no finite number, and `diverged` if there is such a value."""
    kept: list[Slice] = []
    for one in slices:
        if not math.isfinite(one.value):
            return kept, Status.DIVERGED, f"the metric was {one.value} after slice {len(kept) + 1}"
        kept.append(one)
    return kept, Status.OK, ""


def tables(runs: Iterable[RecordedRun], provenance: Mapping[str, Any], notes: Sequence[str] = ()) -> MetaDataset:
    """Tasks, runs and curves of these runs.

    A complete run of a task has as many slices as most of its complete runs have (of equally common counts the
    smallest); others are resampled to that (see `resample`), and runs that stopped early keep as many of their slices.

    Args:
        runs: in the order that the tables will have.
        provenance: how the meta-dataset was made; `notes` are added to it.
        notes: what the reader left out or changed.

    Raises:
        InteropError: if there is no run, or tasks of one name differ.
    """
    numbered = _typed(_numbered(list(runs)))
    tasks = _tasks(numbered)
    lengths = {task: _length(runs) for task, runs in _by_task(numbered).items()}
    fitted = [_fitted(run, lengths[run.task.id]) for run in numbered]
    features, said = _features(tasks)
    changed = sum(len(old.slices) != len(new.slices) for old, new in zip(numbered, fitted, strict=True))
    said += [f"curves of {changed} runs have another number of slices than in the source"] if changed else []
    frames = {
        "tasks": [_task_row(task, lengths[task.id], features[task.id]) for task in tasks],
        "runs": [_run_row(run) for run in fitted],
        "curves": [row for run in fitted for row in _curve_rows(run)],
    }
    written = {**provenance, "notes": [*notes, *said]}
    return MetaDataset(**{name: rows_to_frame(name, rows) for name, rows in frames.items()}, provenance=written)


def _by_task(runs: Iterable[RecordedRun]) -> dict[str, list[RecordedRun]]:
    groups: dict[str, list[RecordedRun]] = defaultdict(list)
    for run in runs:
        groups[run.task.id].append(run)
    return groups


def _numbered(runs: list[RecordedRun]) -> list[RecordedRun]:
    """Seeds for runs without one, unique names, and no empty configuration."""
    if not runs:
        message = "there is no run to import; check the paths and the names of metric, experiment or study"
        raise InteropError(message)
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


def _tasks(runs: Iterable[RecordedRun]) -> list[RecordedTask]:
    tasks: dict[str, RecordedTask] = {}
    for run in runs:
        first = tasks.setdefault(run.task.id, run.task)
        if first != run.task:
            message = (
                f"two tasks would be named {run.task.id!r}, but differ: {first} and {run.task}; "
                "import them one by one, or give one of them another --dataset"
            )
            raise InteropError(message)
    return list(tasks.values())


def _length(runs: Sequence[RecordedRun]) -> int:
    complete = Counter(len(run.slices) for run in runs if run.status == Status.OK)
    if 0 in complete:
        name = next(run.name for run in runs if run.status == Status.OK and not run.slices)
        message = f"run {name!r} ended well but has no value of the metric; correct it, or give its status"
        raise InteropError(message)
    most = max(complete.values(), default=0)
    return min((length for length, count in complete.items() if count == most), default=_longest(runs))


def _longest(runs: Sequence[RecordedRun]) -> int:
    return max(1, *(len(run.slices) for run in runs))


def _fitted(run: RecordedRun, length: int) -> RecordedRun:
    slices = resample(run.slices, length) if run.status == Status.OK else run.slices[:length]
    return replace(run, slices=slices)


def _features(tasks: Sequence[RecordedTask]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Per task those meta-features that all tasks have, for the schema knows no missing ones."""
    names = sorted({name for task in tasks for name in task.features})
    complete = [name for name in names if all(name in task.features for task in tasks)]
    kept = {task.id: {name: task.features[name] for name in complete} for task in tasks}
    lacking = {name: [task.id for task in tasks if name not in task.features] for name in names if name not in complete}
    return kept, [
        f"feature {name} is left out, for it is not known of {', '.join(ids)}" for name, ids in lacking.items()
    ]


def _task_row(task: RecordedTask, max_fidelity: int, features: Mapping[str, float]) -> dict[str, Any]:
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
        **{FEATURE_PREFIX + name: value for name, value in features.items()},
    }


def _run_row(run: RecordedRun) -> dict[str, Any]:
    configuration = {CONFIGURATION_PREFIX + name: value for name, value in run.configuration.items()}
    return {
        "run": run.name,
        "task": run.task.id,
        "seed": run.seed,
        "status": str(run.status),
        "message": run.message,
        "hardware": "",
        "started": "",
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
