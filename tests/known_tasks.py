"""An in-context surrogate whose earlier tasks are written down, only for tests: every number that it knows is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretune.space import observed_encoder
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import ConfigurationKernel, Scenarios
from foretune.surrogate.similarity import LANDMARKS, Similarity
from foretune.surrogate.units import fit_units
from foretune.types import Configuration, Metric, Task

ACCURACY = Metric("accuracy", maximize=True)
"""Gains of it are the scores themselves."""


def pool_of(count: int) -> list[Configuration]:
    """So many configurations, told apart by their rank."""
    return [Configuration({"rank": rank}) for rank in range(1, count + 1)]


def new_task(slices: int) -> Task:
    """One that is as like each earlier task as any other."""
    return Task("new:model", ACCURACY, {}, max_fidelity=slices)


def surrogate_of(
    values: np.ndarray,
    *,
    best: Sequence[float] | None = None,
    scales: Sequence[float] | None = None,
    labels: Sequence[tuple[str, str]] | None = None,
) -> InContextSurrogate:
    """Of earlier tasks without meta-features and without a reference run, which are therefore all alike.

    Args:
        values: (M, N, T) of the configurations of `pool_of`, the first of which is the reference.
        best: (M,) gains of each task's best configuration; by default 1.
        scales: (M,) distances from that to the median one; by default 1.
        labels: dataset and base model of each earlier task; by default those of no new task.
    """
    count, pool = len(values), pool_of(values.shape[1])
    encoder = observed_encoder(pool)
    scaling = Scaling.of(encoder.encode(pool))
    rows, nothing = scaling(encoder.encode(pool)), np.empty((count, 0))
    unknown = np.full((count, len(LANDMARKS)), np.nan)
    return InContextSurrogate(
        encoder=encoder,
        feature_names=(),
        reference=pool[0],
        slices=values.shape[2],
        recorded=tuple(pool),
        labels=tuple(labels or [("earlier", "another")] * count),
        row_scaling=scaling,
        scenarios=Scenarios(rows, values, ConfigurationKernel.of(rows)),
        similarity=Similarity(Scaling.of(nothing), nothing, Scaling.of(np.zeros_like(unknown)), unknown),
        units=fit_units(nothing, np.array(best or [1.0] * count), np.array(scales or [1.0] * count)),
    )
