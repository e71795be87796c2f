"""Ridge regression on standardized columns: of costs, of memory, and of how good a task can get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_CLIP = 5.0


@dataclass(frozen=True)
class Ridge:
    """A fitted regression.

    Attributes:
        center: (D,) mean of each column.
        spread: (D,) standard deviation of each column; 1 where constant.
        weights: (D + 1, K) for K targets; the last row is the intercept.
    """

    center: np.ndarray
    spread: np.ndarray
    weights: np.ndarray

    def __call__(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n K"]:
        """Predicted targets; values far outside of what was learned from are clipped."""
        scaled = np.clip((rows - self.center) / self.spread, -_CLIP, _CLIP)
        return scaled @ self.weights[:-1] + self.weights[-1]


def fit_ridge(rows: Float[np.ndarray, "n D"], targets: Float[np.ndarray, "n K"], penalty: float = 1.0) -> Ridge:
    """Least squares with a penalty on each standardized weight."""
    center, spread = rows.mean(0), rows.std(0)
    spread[spread < 1e-9] = 1.0
    scaled = (rows - center) / spread
    intercept = targets.mean(0)
    gram = scaled.T @ scaled + penalty * np.eye(scaled.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (targets - intercept))
    return Ridge(center, spread, np.vstack([weights, intercept]))
