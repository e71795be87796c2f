"""Slices of a run, and curves of another number of them: runs that were planned alike need equally many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from foretune.metadata.slices import costs_at, equal_parts, sums_at, values_at


@dataclass(frozen=True)
class ImportedSlice:
    """One slice of a run.

    Attributes:
        value: of the metric after it, in the metric's own unit.
        seconds: training cost of this slice, in the task's cost unit; cost of all if evaluation is not told apart.
        evaluation_seconds: evaluation cost of this slice.
        test: the metric on the test split.
        epochs: passes over the training rows so far.
        steps: optimizer steps so far.
        tokens: tokens trained on so far.
    """

    value: float
    seconds: float
    evaluation_seconds: float = 0.0
    test: float | None = None
    epochs: float | None = None
    steps: float | None = None
    tokens: float | None = None


def resample(slices: Sequence[ImportedSlice], count: int, planned: float | None = None) -> list[ImportedSlice]:
    """The curve of a run at `count` equal parts of it, as far as they were trained.

    Slice k of n lies at its share of the planned steps (epochs where there are no steps, k / n where there is neither).
    How values and costs are read between slices see `foretune.metadata.slices`. A test value that only the last slice
    has stays there.

    Args:
        slices: all of a run.
        count: how many a complete run is to have.
        planned: steps of the complete run; None if it ended with the last slice.
    """
    if len(slices) == count and planned is None:
        return list(slices)
    places = _places(slices, planned)
    ends = equal_parts(places[-1], count)
    if len(ends) == len(slices) and np.allclose(ends, places):
        return list(slices)
    columns: dict[str, Any] = {
        "value": values_at(ends, places, [one.value for one in slices]).tolist(),
        "seconds": costs_at(ends, places, [one.seconds for one in slices]).tolist(),
        "evaluation_seconds": costs_at(ends, places, [one.evaluation_seconds for one in slices]).tolist(),
    }
    for name in ("test", "epochs", "steps", "tokens"):
        known: Any = [getattr(one, name) for one in slices]
        if None not in known:
            read = values_at if name == "test" else sums_at
            columns[name] = read(ends, places, known).tolist()
    made = [ImportedSlice(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    if "test" not in columns and made:
        made[-1] = replace(made[-1], test=slices[-1].test)
    return made


def _places(slices: Sequence[ImportedSlice], planned: float | None) -> list[float]:
    """Where each slice ends, as a share of the planned run."""
    for name in ("steps", "epochs"):
        known: list[float | None] = [getattr(one, name) for one in slices]
        numbers = [number for number in known if number is not None]
        if len(numbers) == len(slices) and numbers[0] > 0:
            whole = max(planned or 0.0, numbers[-1]) if name == "steps" else numbers[-1]
            return [number / whole for number in numbers]
    return [(number + 1) / len(slices) for number in range(len(slices))]
