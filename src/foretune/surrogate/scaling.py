"""Columns of any unit, made comparable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_CLIP = 4.0


@dataclass(frozen=True)
class Scaling:
    """Columns to mean 0 and standard deviation 1, clipped at 4; a column that never varied becomes 0.

    What is missing (NaN) stays missing.

    Attributes:
        center: (D,).
        spread: (D,) infinite where a column is constant.
    """

    center: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, rows: Float[np.ndarray, "n D"]) -> Scaling:
        """The scaling of these rows."""
        there = ~np.isnan(rows)
        counts = np.maximum(there.sum(0), 1)
        center = np.where(there, rows, 0.0).sum(0) / counts
        spread = np.sqrt(np.where(there, (rows - center) ** 2, 0.0).sum(0) / counts)
        return cls(center, np.where(spread < 1e-9, np.inf, spread))

    def __call__(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n D"]:
        """Scaled rows."""
        return np.clip((rows - self.center) / self.spread, -_CLIP, _CLIP)
