"""Ranks of configurations, and how much the ranks on two tasks agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def rank_rows(losses: Float[np.ndarray, "M C"]) -> Float[np.ndarray, "M C"]:
    """Rank 1 for the smallest of each row; equal losses share their mean rank."""
    below = (losses[:, :, None] > losses[:, None, :]).sum(axis=2)
    equal = (losses[:, :, None] == losses[:, None, :]).sum(axis=2)
    return below + (equal + 1) / 2


def spearman(first: Float[np.ndarray, " C"], second: Float[np.ndarray, " C"]) -> float:
    """Rank correlation, from -1 to 1; 0 where one of the two has no order."""
    a, b = rank_rows(np.stack([first, second]))
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
