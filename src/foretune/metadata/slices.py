"""Curves of another number of slices, by linear interpolation.

A run is a way from 0 to 1; its curve is known at some *places*, the shares of the planned run at which slices ended.
Read at `count` equal parts, values are interpolated between the places (before the first place they are its value).
Costs are interpolated as sums from 0, so that the cost of the run up to any place stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from foretune.metadata.schema import CURVE_COLUMNS

_NEARLY = 1e-9
_COSTS = ("train_seconds", "evaluation_seconds")
_SUMS = ("epochs", "steps", "tokens")


def equal_parts(reached: float, count: int) -> Float[np.ndarray, " k"]:
    """Ends of the `count` equal parts of a run, as far as it was trained: k <= count.

    Args:
        reached: share of the planned run that was trained, up to 1.
        count: parts of a complete run.
    """
    ends = np.arange(1, count + 1) / count
    return ends[ends <= reached + _NEARLY]


def values_at(
    ends: Float[np.ndarray, " k"], places: Sequence[float], values: Sequence[float]
) -> Float[np.ndarray, " k"]:
    """Values of a curve, known at `places`, at `ends`."""
    return np.interp(ends, places, values)


def sums_at(ends: Float[np.ndarray, " k"], places: Sequence[float], sums: Sequence[float]) -> Float[np.ndarray, " k"]:
    """Counts that grow from 0 (steps, tokens), at `ends`."""
    return np.interp(ends, [0.0, *places], [0.0, *sums])


def costs_at(ends: Float[np.ndarray, " k"], places: Sequence[float], costs: Sequence[float]) -> Float[np.ndarray, " k"]:
    """Cost of each part, from the cost of each slice."""
    return np.diff(sums_at(ends, places, np.cumsum(costs).tolist()), prepend=0.0)


def resampled_rows(rows: Sequence[Mapping[str, Any]], slices: int, count: int) -> list[dict[str, Any]]:
    """Rows of the table of curves, of a run of whose `slices` slices these are the first, at `count` equal parts.

    Figures that only some slices have are left out, except test values of the last slice of a complete run.
    """
    if slices == count or not rows:
        return [dict(row) for row in rows]
    places = [row["fidelity"] / slices for row in rows]
    ends = equal_parts(places[-1], count)
    made: list[dict[str, Any]] = [{"run": rows[0]["run"], "fidelity": place + 1} for place in range(len(ends))]
    for column in CURVE_COLUMNS[2:]:
        values = [row[column.name] for row in rows if column.name in row]
        if len(values) == len(rows):
            read = costs_at if column.name in _COSTS else sums_at if column.name in _SUMS else values_at
            _fill(made, column.name, read(ends, places, values).tolist(), whole=column.kind == "integer")
        elif made and len(ends) == count and column.name in rows[-1] and column.name not in _SUMS:
            made[-1][column.name] = rows[-1][column.name]
    return made


def _fill(rows: Sequence[dict[str, Any]], name: str, values: Sequence[float], *, whole: bool) -> None:
    """Enter values into the rows, unless they are counts that rounding makes stand still."""
    counts = [round(value) for value in values]
    if whole and any(after <= before for before, after in pairwise(counts)):
        return
    for row, value in zip(rows, counts if whole else values, strict=True):
        row[name] = value
