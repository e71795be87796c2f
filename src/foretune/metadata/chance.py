"""Which tasks a base model cannot learn at all: no run beats always giving the most common answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.schema import FEATURE_PREFIX

CLOSED_SET = 0.1
"""Share of the most common completion from which on giving it always is something to beat."""
_ERRORS = 2.0
_SHARE = FEATURE_PREFIX + "most_common_completion"
_MATCH = "validation_exact_match"


def tasks_at_chance(meta: MetaDataset) -> frozenset[str]:
    """Tasks whose best exact match, over all slices of all runs, is not above that of the most common answer.

    Above means by more than two standard errors of a share p of n validation rows, sqrt(p (1 - p) / n). Of tasks
    without a common answer (`CLOSED_SET`), or without these figures, nothing is said. On a task at chance, runs differ
    only in how well they know the shares of the answers.
    """
    if _SHARE not in meta.tasks or not len(meta.runs):
        return frozenset()
    task_of = dict(zip(meta.runs["run"], meta.runs["task"], strict=True))
    best: dict[str, float] = {}
    for run, match in zip(meta.curves["run"], meta.curves[_MATCH].to_numpy(dtype=np.float64), strict=True):
        best[task_of[run]] = np.fmax(best.get(task_of[run], np.nan), match)
    shares, rows = meta.facts(_SHARE), meta.facts("n_validation")
    closed = [task for task in best if shares[task] >= CLOSED_SET and not pd.isna(rows[task])]
    return frozenset(task for task in closed if best[task] <= _bound(shares[task], rows[task]))


def _bound(share: float, rows: float) -> float:
    return share + _ERRORS * float(np.sqrt(share * (1 - share) / rows))
