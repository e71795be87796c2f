"""An in-context surrogate whose earlier tasks are written down, only for tests: every number that it knows is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretune.space import observed_encoder
from foretune.surrogate.in_context import InContextSurrogate, Origin
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import ConfigurationKernel, Scenarios
from foretune.surrogate.similarity import Similarity
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
    features: np.ndarray | None = None,
) -> InContextSurrogate:
    """Of earlier tasks, all alike unless they have meta-features.

    Args:
        values: (M, N, T) of the configurations of `pool_of`, the first of which is the reference.
        best: (M,) gains of each task's best configuration; by default 1.
        scales: (M,) distances from that to the median one; by default 1.
        features: (M, F) meta-features, named `f0`, `f1`, ...; by default none.
    """
    count, pool = len(values), pool_of(values.shape[1])
    encoder = observed_encoder(pool)
    scaling = Scaling.of(encoder.encode(pool))
    rows = scaling(encoder.encode(pool))
    features = np.empty((count, 0)) if features is None else features
    feature_scaling = Scaling.of(features)
    return InContextSurrogate(
        encoder=encoder,
        feature_names=tuple(f"f{place}" for place in range(features.shape[1])),
        reference=pool[0],
        slices=values.shape[2],
        recorded=tuple(pool),
        origins=(Origin("earlier", 100, "another"),) * count,
        row_scaling=scaling,
        scenarios=Scenarios(rows, values, ConfigurationKernel.of(rows)),
        similarity=Similarity(feature_scaling, feature_scaling(features)),
        units=fit_units(feature_scaling(features), np.array(best or [1.0] * count), np.array(scales or [1.0] * count)),
    )
