"""How the loss falls with training rows: tasks that differ in nothing but their size, with one configuration each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.metadata.dataset import MetaDataset

_LEAST_SIZES = 3


@dataclass(frozen=True)
class SizeCurve:
    """The tasks of one dataset on one base model, in the order of their rows.

    Attributes:
        dataset: its name.
        model: base model.
        metric: that judges the runs.
        zero_shot: value of the base model; None if unknown.
        tasks: N names.
        rows: (N,) training rows.
        values: (N,) best value of the run on each.
    """

    dataset: str
    model: str
    metric: str
    zero_shot: float | None
    tasks: tuple[str, ...]
    rows: Float[np.ndarray, " N"]
    values: Float[np.ndarray, " N"]


def size_curves(meta: MetaDataset) -> list[SizeCurve]:
    """Of every dataset, base model and metric with `_LEAST_SIZES` sizes or more that one run each was made of."""
    facts = meta.tasks[["task", "dataset", "model", "metric", "n_train", "zero_shot_validation_value"]]
    groups: dict[tuple[str, str, str], list[tuple[float, str, float, float]]] = defaultdict(list)
    for task, dataset, model, metric, rows, zero_shot in facts.itertuples(index=False, name=None):
        runs = meta.runs_of(task)
        scores = meta.curve(runs[0]).scores if len(runs) == 1 else np.empty(0)
        if len(scores) and not pd.isna(rows):
            value = meta.metrics[task].score(float(scores.max()))
            groups[dataset, model, metric].append((float(rows), task, value, float(zero_shot)))
    found: list[SizeCurve] = []
    for key, members in groups.items():
        if len(members) >= _LEAST_SIZES:
            rows, tasks, values, zero_shots = zip(*sorted(members), strict=True)
            known = None if np.isnan(zero_shots[0]) else zero_shots[0]
            found.append(SizeCurve(*key, known, tasks, np.array(rows), np.array(values)))
    return found
