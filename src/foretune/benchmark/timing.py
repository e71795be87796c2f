"""What a few steps, timed before a search, would have told of a recorded task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from foretune.benchmark.replay import RecordedTask
from foretune.finetuning.optim import plan
from foretune.finetuning.pace import STEPS, timed
from foretune.metadata import MetaDataset
from foretune.surrogate.examples import recorded_hardware
from foretune.surrogate.hardware import one_kind
from foretune.surrogate.meta_features import has_facts, read_task
from foretune.surrogate.pace import Pace
from foretune.types import Configuration


@dataclass(frozen=True)
class Timing:
    """What timing a few steps tells, and costs.

    Attributes:
        hardware: that the task's runs are of; empty where that is not known, or where it is several.
        pace: seconds of a slice there of the default and of the same with larger batches, as far as runs tell them.
        seconds: that the steps take.
    """

    hardware: str = ""
    pace: Pace = field(default_factory=dict[Configuration, float])
    seconds: float = 0.0


def timing_of(recorded: RecordedTask, default: Configuration | None, hardware: str) -> Timing:
    """From recorded runs of the default's method with its batch size, and with that of larger batches.

    Args:
        recorded: the task.
        default: None where it was not recorded.
        hardware: see `Timing`.
    """
    if default is None or not has_facts(recorded.task) or not _tells_steps(default):
        return Timing(hardware)
    rows = round(read_task(recorded.task).rows)
    slices = recorded.task.max_fidelity
    steps = {one: plan(one, rows).steps / slices for one in timed(default, rows)}
    took = {one: _step_seconds(recorded, one, rows) for one in steps}
    known = {one: seconds for one, seconds in took.items() if seconds is not None}
    return Timing(hardware, {one: steps[one] * seconds for one, seconds in known.items()}, STEPS * sum(known.values()))


def _step_seconds(recorded: RecordedTask, configuration: Configuration, rows: int) -> float | None:
    """Median over the runs with the same method and batch size, evaluation included; None where there is none."""
    like = [
        float(one.curve.seconds.mean()) * recorded.task.max_fidelity / plan(one.configuration, rows).steps
        for one in recorded.recordings.values()
        if len(one.curve) and _tells_steps(one.configuration) and _kind(one.configuration) == _kind(configuration)
    ]
    return median(like) if like else None


def _tells_steps(configuration: Configuration) -> bool:
    """Tables from elsewhere may know neither."""
    return all(isinstance(configuration.values.get(name), int) for name in ("batch_size", "epochs"))


def _kind(configuration: Configuration) -> tuple[object, object]:
    return configuration.values.get("method"), configuration.values.get("batch_size")


def hardware_by_task(table: MetaDataset) -> Mapping[str, str]:
    """Task -> what most of its runs were on; empty for several of that kind."""
    found: dict[str, list[str]] = {}
    for task, name in zip(table.runs["task"], recorded_hardware(table), strict=True):
        found.setdefault(str(task), []).append(name)
    kinds = {task: one_kind(names) for task, names in found.items()}
    return {task: names[0] if len(names) == 1 else "" for task, names in kinds.items()}
