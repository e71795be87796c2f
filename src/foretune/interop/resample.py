"""Curves of another number of slices, by linear interpolation: runs that were planned alike need equally many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Slice:
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


def resample(slices: Sequence[Slice], count: int) -> list[Slice]:
    """The curve of a complete run at `count` equal parts of it.

    Slice k of n lies at its share of the last slice's steps (epochs where there are no steps, k / n where there is
    neither). Values between two slices are interpolated linearly, and values before the first one are those of the
    first. Costs are interpolated as sums from 0, so that the cost of the run stays. A test value that only the last
    slice has stays there.

    Args:
        slices: all of a run.
        count: how many are wanted.
    """
    if len(slices) == count:
        return list(slices)
    places = _places(slices)
    wanted = np.arange(1, count + 1) / count

    def between(values: Sequence[float]) -> list[float]:
        return np.interp(wanted, places, values).tolist()

    def parts(values: Sequence[float]) -> list[float]:
        return np.diff(np.interp(wanted, [0.0, *places], [0.0, *np.cumsum(values)]), prepend=0.0).tolist()

    def sums(values: Sequence[float]) -> list[float]:
        return np.interp(wanted, [0.0, *places], [0.0, *values]).tolist()

    columns: dict[str, Any] = {
        "value": between([one.value for one in slices]),
        "seconds": parts([one.seconds for one in slices]),
        "evaluation_seconds": parts([one.evaluation_seconds for one in slices]),
    }
    for name in ("test", "epochs", "steps", "tokens"):
        known: Any = [getattr(one, name) for one in slices]
        if None not in known:
            columns[name] = between(known) if name == "test" else sums(known)
    made = [Slice(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    if "test" not in columns:
        made[-1] = replace(made[-1], test=slices[-1].test)
    return made


def _places(slices: Sequence[Slice]) -> list[float]:
    """Where each slice ends, as a share of the run."""
    for name in ("steps", "epochs"):
        known: list[float | None] = [getattr(one, name) for one in slices]
        numbers = [number for number in known if number is not None]
        if len(numbers) == len(slices) and numbers[-1] > 0:
            return [number / numbers[-1] for number in numbers]
    return [(number + 1) / len(slices) for number in range(len(slices))]
