"""The unit of each task: how good its best configuration is, and how far the median one is from that, as gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.scaling import Scaling

_RIDGE = 3.0
_LEAST_LOG_SPREAD = 0.1
_TYPICAL_BEST, _TYPICAL_BEST_ERROR = 1.9, 1.3
_TYPICAL_LOG_SCALE, _TYPICAL_LOG_SPREAD = -1.3, 1.3
"""Mean and standard deviation over `foretune-tiny-v1` of best gains and log scales, for tables that tell neither."""


@dataclass(frozen=True)
class Unit:
    """Of M earlier tasks, and what that says of a new one.

    Attributes:
        scaling: of meta-features.
        best_gains: (M,) of each task's best configuration; NaN where scores are no losses of a known start, and gains
            of another unit than those of other tasks.
        best_weights: (F + 1,) of scaled meta-features and 1 in the best gain, by ridge regression.
        best_error: root mean square of what that misses on tasks left out.
        log_scales: (M,) natural logarithms of the distances from median to best; NaN as above.
    """

    scaling: Scaling
    best_gains: np.ndarray
    best_weights: np.ndarray
    best_error: float
    log_scales: np.ndarray

    def best(self, features: Float[np.ndarray, " F"]) -> float:
        """Predicted gain of the best configuration, within the range of earlier tasks: a line leads anywhere from
        meta-features unlike theirs."""
        row = np.nan_to_num(self.scaling(features[None, :])[0])
        predicted = float(np.append(row, 1.0) @ self.best_weights)
        known = self.best_gains[~np.isnan(self.best_gains)]
        return float(np.clip(predicted, known.min(), known.max())) if len(known) else predicted

    def log_scale(self, tasks: Int[np.ndarray, " m"], weights: Float[np.ndarray, " m"]) -> tuple[float, float]:
        """Mean and standard deviation over some tasks, weighted; of a task in another unit, those of all others."""
        logs, known = self.log_scales[tasks], self.log_scales[~np.isnan(self.log_scales)]
        typical = (float(known.mean()), float(known.std())) if len(known) else (_TYPICAL_LOG_SCALE, _TYPICAL_LOG_SPREAD)
        lacking = np.isnan(logs)
        means, variances = np.where(lacking, typical[0], logs), np.where(lacking, typical[1] ** 2, 0.0)
        mean = float(weights @ means)
        return mean, float(np.sqrt(weights @ ((means - mean) ** 2 + variances) + _LEAST_LOG_SPREAD**2))

    @property
    def in_another_unit(self) -> Unit:
        """What these tasks say where their unit says nothing: of a task whose gains are of another one."""
        weights = np.append(np.zeros(len(self.best_weights) - 1), _TYPICAL_BEST)
        nothing = np.full(len(self.best_gains), np.nan)
        return Unit(self.scaling, nothing, weights, _TYPICAL_BEST_ERROR, nothing)


def fit_unit(
    features: Float[np.ndarray, "M F"], scaling: Scaling, best: Float[np.ndarray, " M"], scales: Float[np.ndarray, " M"]
) -> Unit:
    """The unit from the best gains and scales of earlier tasks; NaN in both for tasks in another unit."""
    known = ~np.isnan(best)
    rows, gains = np.nan_to_num(scaling(features))[known], best[known]
    missed = gains - _within_others(gains - left_out_errors(rows, gains, _RIDGE), gains)
    error = float(np.sqrt(np.mean(missed**2)))
    return Unit(scaling, best, ridge(rows, gains, _RIDGE), error, np.log(scales))


def _within_others(predicted: Float[np.ndarray, " M"], best: Float[np.ndarray, " M"]) -> Float[np.ndarray, " M"]:
    """What is predicted of each task, within the range of the others."""
    if len(best) == 1:
        return predicted
    others = [np.delete(best, place) for place in range(len(best))]
    return np.clip(predicted, [one.min() for one in others], [one.max() for one in others])


def left_out_errors(rows: Float[np.ndarray, "M F"], targets: Float[np.ndarray, " M"], penalty: float) -> np.ndarray:
    """What `ridge` misses of each target when it is fitted on the others, centered at their means: r / (1 - h) with
    the hat matrix' diagonal h; exact where rows have mean 0."""
    inner = np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T)
    hat = np.einsum("mf,fm->m", rows, inner) + 1.0 / len(rows)
    fitted = rows @ (inner @ (targets - targets.mean())) + targets.mean()
    return (targets - fitted) / np.maximum(1.0 - hat, 1e-6)


def ridge(rows: Float[np.ndarray, "M F"], targets: Float[np.ndarray, " M"], penalty: float) -> Float[np.ndarray, " f"]:
    """Weights and intercept; rows have mean 0."""
    gram = rows.T @ rows + penalty * np.eye(rows.shape[1])
    return np.append(np.linalg.solve(gram, rows.T @ (targets - targets.mean())), targets.mean())
