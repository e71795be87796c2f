"""How much each earlier task counts on a new one, before any run on it is complete.

Symbols:
    M earlier tasks, F meta-features.
    d^2: (M,) mean over F of squared differences of standardized meta-features.
    h: `_WIDTH`, the distance at which an earlier task begins to count less.
    w: (M,) weights.

    w = exp(-(d^2 - min d^2) / (2 h^2)),     divided by their sum.

Weights are relative to the nearest task: a new task that is like no other is judged by those that are least unlike it
(kernel regression: Nadaraya, 1964; Watson, 1964). Standardized columns of two tasks drawn at random are 2 apart in the
mean square, so that is the distance where a meta-feature is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.scaling import Scaling

_TYPICAL = 2.0
_WIDTH = 0.5


@dataclass(frozen=True)
class Similarity:
    """M earlier tasks, as far as they tell which of them a new one is like.

    Attributes:
        scaling: of meta-features.
        features: (M, F) scaled; NaN where one is not known.
    """

    scaling: Scaling
    features: np.ndarray

    def weights(self, features: Float[np.ndarray, " F"]) -> Float[np.ndarray, " M"]:
        """Weights w, which sum to 1.

        Args:
            features: meta-features of the new task, not scaled.
        """
        squared = self._squared(features)
        closeness = np.exp(-0.5 * (squared - squared.min()) / _WIDTH**2)
        return closeness / closeness.sum()

    def _squared(self, features: Float[np.ndarray, " F"]) -> Float[np.ndarray, " M"]:
        """d^2, over the meta-features that vary among earlier tasks."""
        varies = np.isfinite(self.scaling.spread)
        if not varies.any():
            return np.zeros(len(self.features))
        apart = ((self.features - self.scaling(features[None])) ** 2)[:, varies]
        return np.where(np.isnan(apart), _TYPICAL, apart).mean(axis=1)
