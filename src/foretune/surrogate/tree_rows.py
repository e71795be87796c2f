"""What the trees see: the rows of `foretune.surrogate.inputs`, and once the reference run is known, that beside it.

Gains are on an absolute scale, of which a quantile knows nothing; against the reference run they say how a run stands
on its own task.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from foretune.space import Encoder
from foretune.surrogate.inputs import raw_rows
from foretune.surrogate.landmarks import landmarks
from foretune.types import Configuration, Task

_AGAINST = 4
"""Columns of `_against`."""


def tree_rows(
    encoder: Encoder,
    feature_names: Sequence[str],
    task: Task,
    configurations: Sequence[Configuration],
    curves: Sequence[np.ndarray],
    fidelities: Int[np.ndarray, " n"],
    reference: Float[np.ndarray, " T"] | None = None,
) -> Float[np.ndarray, "n D"]:
    """One row a question; not standardized, which trees do not need.

    Args:
        encoder: of configurations.
        feature_names: meta-features, in order.
        task: that all are about.
        configurations: each as often as it is asked about.
        curves: gains seen of each.
        fidelities: that are asked about.
        reference: gains of the complete reference run; adds 11 columns.
    """
    rows = raw_rows(encoder, feature_names, task, configurations, curves, fidelities)
    if reference is None:
        return rows
    told = np.tile(landmarks(reference), (len(rows), 1))
    return np.hstack([rows, told, _against(curves, reference)])


def _against(curves: Sequence[np.ndarray], reference: Float[np.ndarray, " T"]) -> Float[np.ndarray, "n 4"]:
    """Last and best gain so far minus the peak of the reference, and minus what the reference had by then; 0 where
    nothing was seen."""
    best, rows = np.maximum.accumulate(reference), np.zeros((len(curves), _AGAINST))
    for row, gains in zip(rows, curves, strict=True):
        if len(gains):
            last, top, here = gains[-1], gains.max(), len(gains) - 1
            row[:] = last - best[-1], top - best[-1], last - reference[here], top - best[here]
    return rows
