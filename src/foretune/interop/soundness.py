"""Recorded runs as a meta-dataset can hold them: without figures that `foretune metadata verify` refuses.

Other tools record impossible figures: infinite values, steps that do not grow, times in no known form. They are left
out, with a remark on the run; nothing is made up in their place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from foretune.errors import InteropError
from foretune.interop.recorded import ImportedTask, RecordedRun, finite_slices, is_number
from foretune.types import VALIDATION_NLL, Status, Value

COPIES = "runs with the configuration, the values and the costs of another one are left out"
_UNKNOWN = ("", "unknown")
_NO_REASON = "the source does not say why"
_TOLERANCE = 1e-6
_COUNTS = ("epochs", "steps", "tokens")


def sound_run(run: RecordedRun) -> RecordedRun:
    """The run with all that `verify` asks of it.

    Raises:
        InteropError: if a value is one that its metric cannot have.
    """
    run = _ended(_configured(run))
    _check_metric(run)
    for repaired in (_dated, _counted, _tested):
        run = repaired(run)
    return run


def growing_counts(run: RecordedRun) -> RecordedRun:
    """The run without epochs, steps or tokens that do not grow from slice to slice, as whole numbers where they are
    counts."""
    for name in _COUNTS:
        numbers = [getattr(one, name) for one in run.slices]
        known = [number for number in numbers if number is not None]
        if known and not _grows(known, whole=name != "epochs"):
            run = _without(run, name, f"{name} that do not grow from slice to slice are left out")
    return run


def without_copies(runs: Sequence[RecordedRun]) -> tuple[list[RecordedRun], list[str]]:
    """The runs without copies (equal in configuration and in every slice), and the names of the copies."""
    seen, kept, copies = set[object](), list[RecordedRun](), list[str]()
    for run in runs:
        values = [one.value for one in run.slices]
        key = (
            run.task.id,
            _key(run.configuration),
            *((one.value, one.seconds, one.evaluation_seconds) for one in run.slices),
        )
        if key in seen and len(set(values)) > 1:
            copies.append(run.name)
        else:
            seen.add(key)
            kept.append(run)
    return kept, copies


def sound_features(tasks: Sequence[ImportedTask]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Meta-features by task, and notes on omissions: meta-features that contradict the rows, or differ on a model."""
    kept = {task.id: {name: value for name, value in task.features.items() if is_number(value)} for task in tasks}
    notes = list[str]()
    rows = [task for task in tasks if _contradicts_rows(task, kept[task.id].get("log_train_rows"))]
    for task in rows:
        del kept[task.id]["log_train_rows"]
    notes += (
        [f"feature log_train_rows of {_list(rows)} is left out, for it is not log10 of the training rows"]
        if rows
        else []
    )
    for name in sorted({name for one in kept.values() for name in one if name.startswith("model_")}):
        if models := _disagreeing(tasks, kept, name):
            for task in tasks:
                if task.model in models:
                    kept[task.id].pop(name, None)
            notes.append(
                f"feature {name} is left out on {', '.join(models)}, for tasks on this base model differ in it"
            )
    return kept, notes


def _check_metric(run: RecordedRun) -> None:
    metric = VALIDATION_NLL
    if run.task.metric != metric.name:
        return
    values = [one.value for one in run.slices] + [one.test for one in run.slices if one.test is not None]
    if run.task.direction != "minimize" or any(is_number(value) and value < metric.bounds[0] for value in values):
        raise InteropError(
            f"run {run.name!r}: {metric.name} is a loss, which is minimized and never below 0; if this is another "
            "metric, name it otherwise"
        )


def _configured(run: RecordedRun) -> RecordedRun:
    """Without hyperparameters that are no finite numbers."""
    known = {
        name: value for name, value in run.configuration.items() if not isinstance(value, float) or math.isfinite(value)
    }
    if len(known) == len(run.configuration):
        return run
    return replace(run, configuration=known, remarks=(*run.remarks, "hyperparameters that are not finite are left out"))


def _ended(run: RecordedRun) -> RecordedRun:
    """With a status that its values bear out, and a message if and only if it did not end well."""
    slices, told, message = finite_slices(run.slices)
    status = told if told != Status.OK and run.status == Status.OK else run.status
    reason = "" if status == Status.OK else run.message.strip() or message or _NO_REASON
    return replace(run, slices=slices, status=status, message=reason)


def _dated(run: RecordedRun) -> RecordedRun:
    """With a start in UTC, if it is a time at all."""
    started = str(run.facts.get("started", ""))
    if started in _UNKNOWN:
        return run
    try:
        time = datetime.fromisoformat(started)
        said, remarks = (started if time.tzinfo is None else time.astimezone(UTC).isoformat()), tuple[str, ...]()
    except (ValueError, OverflowError):
        said, remarks = "", ("start times that are not ISO 8601 are left out",)
    return replace(run, facts={**run.facts, "started": said}, remarks=(*run.remarks, *remarks))


def _counted(run: RecordedRun) -> RecordedRun:
    """With epochs, steps and tokens that are numbers, that grow, and that end where the configuration says."""
    for name in _COUNTS:
        numbers = [getattr(one, name) for one in run.slices]
        if any(number is not None and not (is_number(number) and number >= 0) for number in numbers):
            run = _without(run, name, f"{name} that are no numbers of 0 or more are left out")
    planned = run.configuration.get("epochs")
    reached = run.slices[-1].epochs if run.slices else None
    if not isinstance(planned, int | float) or reached is None or run.status != Status.OK:
        return growing_counts(run)
    if abs(reached - planned) > _TOLERANCE * planned:
        run = _without(
            run, "epochs", "epochs of curves that do not end at the epochs of the configuration are left out"
        )
    return growing_counts(run)


def _tested(run: RecordedRun) -> RecordedRun:
    """With test values for all slices, for the last one, or where the value is the best so far: none that chose."""
    tests = [one.test if one.test is not None and is_number(one.test) else None for one in run.slices]
    run = replace(run, slices=[replace(one, test=test) for one, test in zip(run.slices, tests, strict=True)])
    given = [test is not None for test in tests]
    if all(given) or not any(given[:-1]):
        return run
    better: Callable[[float, float], float] = max if run.task.direction == "maximize" else min
    best = accumulate((one.value for one in run.slices), better)
    kept = [one if one.value == top else replace(one, test=None) for one, top in zip(run.slices, best, strict=True)]
    if kept == list(run.slices):
        return run
    remark = "test values of slices that are not the best so far are left out, where other slices have none"
    return replace(run, slices=kept, remarks=(*run.remarks, remark))


def _without(run: RecordedRun, name: str, remark: str) -> RecordedRun:
    slices = [replace(one, **{name: None}) for one in run.slices]
    return replace(run, slices=slices, remarks=(*run.remarks, remark))


def _grows(numbers: Sequence[float], *, whole: bool) -> bool:
    counted = [float(round(number)) for number in numbers] if whole else list(numbers)
    return all(after > before for before, after in pairwise(counted))


def _key(configuration: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(configuration.items(), key=lambda pair: pair[0]))


def _contradicts_rows(task: ImportedTask, said: float | None) -> bool:
    return said is not None and task.rows is not None and abs(said - math.log10(max(task.rows, 1))) > _TOLERANCE


def _disagreeing(tasks: Sequence[ImportedTask], features: Mapping[str, Mapping[str, float]], name: str) -> list[str]:
    """Base models on whose tasks a feature has several values."""
    found: dict[str, list[float]] = {}
    for task in tasks:
        if name in features[task.id]:
            found.setdefault(task.model, []).append(features[task.id][name])
    return sorted(model for model, values in found.items() if max(values) - min(values) > _TOLERANCE)


def _list(tasks: Sequence[ImportedTask]) -> str:
    return ", ".join(task.id for task in tasks)
