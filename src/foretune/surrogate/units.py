"""The unit of values on a new task: the gain of its best configuration, and the distance from there to the median one.

Before anything is trained the unit comes from earlier tasks: the best gain by ridge regression on meta-features, the
distance as the weighted mean of its logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.ridge import Ridge, fit_ridge

_PENALTY = 3.0


@dataclass(frozen=True)
class Unit:
    """Of one task.

    Attributes:
        best: gain of the best configuration.
        scale: distance from there to the median one.
        error: standard deviation of `best`.
    """

    best: float
    scale: float
    error: float


TYPICAL = Unit(1.9, 0.27, 1.3)
"""Of `foretune-tiny-v1` (means, of scales the geometric one), for a task whose gains earlier tasks do not have."""


@dataclass(frozen=True)
class Units:
    """Of M earlier tasks.

    Attributes:
        regression: of the best gain on scaled meta-features.
        best: (M,) gains of the best configurations.
        log_scales: (M,) natural logarithms of the scales.
    """

    regression: Ridge
    best: np.ndarray
    log_scales: np.ndarray

    def of(self, row: Float[np.ndarray, " F"], weights: Float[np.ndarray, " M"]) -> Unit:
        """Of a new task.

        Args:
            row: scaled meta-features; NaN is taken to be typical.
            weights: of the earlier tasks.
        """
        predicted = self.regression(np.nan_to_num(row)[None])[0, 0]
        # A line leads anywhere from meta-features unlike those of earlier tasks.
        best = float(np.clip(predicted, self.best.min(), self.best.max()))
        error = float(np.sqrt(weights @ (self.best - best) ** 2))
        return Unit(best, float(np.exp(weights @ self.log_scales)), error)


def fit_units(rows: Float[np.ndarray, "M F"], best: Float[np.ndarray, " M"], scales: Float[np.ndarray, " M"]) -> Units:
    """From the best gains and the scales of earlier tasks.

    Args:
        rows: scaled meta-features.
        best: gains; NaN for a task whose gains are of another unit than those of the others, which gets their mean.
        scales: likewise, the geometric mean.
    """
    known, logs = ~np.isnan(best), np.log(scales)
    regression = fit_ridge(np.nan_to_num(rows)[known], best[known, None], _PENALTY)
    filled = (np.where(known, values, values[known].mean()) for values in (best, logs))
    return Units(regression, *filled)
