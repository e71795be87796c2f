"""The common result of all readers: recorded runs of recorded tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foretune.interop.options import Direction, ImportOptions, direction_of
from foretune.interop.origin import stated_size
from foretune.interop.resample import ImportedSlice
from foretune.metadata.source import task_id
from foretune.types import Status, Value

INFINITE = 3.4e38
"""The greatest number of 32 bits: databases store infinities as finite numbers of this size and more."""


@dataclass(frozen=True)
class ImportedTask:
    """A dataset with a training-set size, on one base model, judged by one metric.

    Attributes:
        dataset: its name.
        model: name of the base model.
        metric: that judges runs.
        direction: `minimize` or `maximize`.
        cost_unit: unit of costs.
        rows: training rows; None if unknown.
        family: kind of dataset; the dataset's name where nothing else is known.
        source: where the dataset comes from.
        license: of the dataset.
        features: meta-features, by name.
        zero_shot: the metric of the untrained model; None if unknown.
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
    zero_shot: float | None = None

    @property
    def id(self) -> str:
        """Name of the task, `DATASET@ROWS:MODEL`."""
        return task_id(self.dataset, self.rows, self.model)


@dataclass(frozen=True)
class RecordedRun:
    """One run of a table.

    Attributes:
        name: as its source calls it; made unique with the name of the task in front.
        task: that was trained.
        configuration: its hyperparameters.
        slices: of its curve.
        seed: as recorded; None numbers the runs of one configuration 0, 1, ... in the order of the table.
        status: how it ended, one of `foretune.metadata.schema.STATUSES`.
        message: why it did not end well.
        facts: further columns of the table of runs, such as `hardware` or `peak_memory_bytes`.
        planned: steps of the complete run, or epochs where slices have no steps, for the progress of a stopped run;
            None if it is not known.
        remarks: changes and omissions, in words that fit any run.
    """

    name: str
    task: ImportedTask
    configuration: Mapping[str, Value]
    slices: Sequence[ImportedSlice] = ()
    seed: int | None = None
    status: str = Status.OK
    message: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    planned: float | None = None
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Imported:
    """What a reader makes of its source.

    Attributes:
        runs: in the order that the tables will have.
        notes: omissions and changes.
        provenance: what is to be said of the source beside how it was imported.
    """

    runs: Sequence[RecordedRun]
    notes: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])


def task_of(
    options: ImportOptions,
    parameters: dict[str, Value],
    dataset: str,
    model: str,
    metric: str,
    direction: Direction | None = None,
    *,
    rows: int | None = None,
    family: str = "",
    sized: bool = False,
    **others: Any,
) -> ImportedTask:
    """The task that a source names, with what the owner of the table says in the place of it.

    Args:
        options: of the owner.
        parameters: of a run; one that names the dataset or the model is taken out.
        dataset: its name in the source; empty if it has none, as for the model.
        model: the base model.
        metric: that judges runs.
        direction: of the metric; None for the owner's, or as its name says.
        rows: training rows.
        family: kind of dataset.
        sized: whether the size that the model's name states is a meta-feature.
        others: further facts of the task.
    """
    dataset = options.named("dataset", parameters, dataset)
    named = options.named("model", parameters, model)
    return ImportedTask(
        dataset,
        named,
        metric,
        direction or direction_of(metric, options.direction),
        rows=options.rows or rows,
        family=options.family or family,
        features=stated_size(named) if sized else {},
        **others,
    )


def is_number(value: float) -> bool:
    """Whether it is finite, and not a database's replacement for infinity."""
    return math.isfinite(value) and abs(value) < INFINITE


def finite_slices(slices: Iterable[ImportedSlice]) -> tuple[list[ImportedSlice], str, str]:
    """The slices before the first value that is no finite number, and `diverged` if there is such a value."""
    kept: list[ImportedSlice] = []
    for one in slices:
        if not is_number(one.value):
            return kept, Status.DIVERGED, f"the metric was {one.value:g} after slice {len(kept) + 1}"
        kept.append(one)
    return kept, Status.OK, ""
