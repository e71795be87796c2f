"""The curves of recorded configurations on earlier tasks, complete, and those of any other configuration.

Symbols:
    M earlier tasks, C recorded configurations, T slices, N configurations of a pool, D columns of an encoded one.
    v: (M, C, T) values of all configurations, in a unit that tasks share.
    X: (C, D) encoded and scaled recorded configurations.
    K: (C, C) their correlations exp(-d^2 / (2 l^2)), d the distance of two rows and l `ConfigurationKernel.length`.
    n: nugget, s: noise of one task's values; both are shares of the variance of levels.

A value compares a gain g with the gains of its task: v = (g - best) / (best - median), where best and median are those
of the peaks of all configurations. So 0 is the best configuration and -1 the median one. Values are cut off at
`LEAST_VALUE`: a run that went wrong is bad, not ten times as bad.

Configurations that were not run on a task are filled in by kriging (Matheron, 1963), a Gaussian process over encoded
configurations, in two steps: the level of each configuration over all tasks, then the difference of a task from these
levels. A configuration that no task knows is kriged from the complete table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

LEAST_VALUE = -2.0
_NUGGET = 0.3
"""Share of the variance that configurations do not have in common with their neighbors."""
_LEVEL_NOISE = 1.0
"""Variance by which one task's value of a configuration differs from its level, in units of the levels' variance."""

Values = Float[np.ndarray, "M C T"]


@dataclass(frozen=True)
class ConfigurationKernel:
    """How alike encoded configurations are: exp(-d^2 / (2 l^2)).

    Attributes:
        length: l, in the unit of scaled columns.
    """

    length: float

    @classmethod
    def of(cls, rows: Float[np.ndarray, "C D"]) -> ConfigurationKernel:
        """With l^2 half the median squared distance between different rows."""
        apart = squared_distances(rows, rows)
        different = apart[apart > 1e-9]
        return cls(float(np.sqrt(np.median(different) / 2.0)) if len(different) else 1.0)

    def __call__(self, left: Float[np.ndarray, "n D"], right: Float[np.ndarray, "m D"]) -> Float[np.ndarray, "n m"]:
        """Correlations."""
        return np.exp(-0.5 * squared_distances(left, right) / self.length**2)


@dataclass(frozen=True)
class Scenarios:
    """M earlier tasks by C recorded configurations.

    Attributes:
        rows: X.
        values: v, without gaps.
        kernel: of configurations.
    """

    rows: np.ndarray
    values: np.ndarray
    kernel: ConfigurationKernel

    def values_of(self, rows: Float[np.ndarray, "N D"], known: Int[np.ndarray, " N"]) -> Float[np.ndarray, "M N T"]:
        """Values of a pool on every earlier task.

        Args:
            rows: encoded and scaled.
            known: place of each among the C; -1 for a configuration that was never run.
        """
        found = self.values[:, np.maximum(known, 0)].astype(np.float64)
        new = known < 0
        if new.any():
            level = self.values.mean(axis=1, keepdims=True)
            # v_new = level + K(new, X) (K + n)^-1 (v - level)
            shares = self.kernel(rows[new], self.rows) @ self._inverse
            found[:, new] = level + np.matmul(shares, self.values - level)
        return found

    @cached_property
    def _inverse(self) -> Float[np.ndarray, "C C"]:
        """(K + n)^-1."""
        return np.linalg.inv(self.kernel(self.rows, self.rows) + _NUGGET * np.eye(len(self.rows)))


def complete(values: Values, rows: Float[np.ndarray, "C D"], kernel: ConfigurationKernel) -> Values:
    """The table without gaps (NaN); recorded values stay as they are."""
    missing = np.isnan(values[:, :, 0])
    if not missing.any():
        return values
    levels = _levels(values, kernel(rows, rows))
    filled = values.copy()
    for task, gaps in enumerate(missing):
        if gaps.any():
            filled[task, gaps] = levels[gaps] + _differences(values[task] - levels, rows, gaps, kernel)
    return np.maximum(filled, LEAST_VALUE)


def squared_distances(left: Float[np.ndarray, "n d"], right: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Squared Euclidean distances, not negative."""
    squared = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
    return np.maximum(squared, 0.0)


def _levels(values: Values, correlation: Float[np.ndarray, "C C"]) -> Float[np.ndarray, "C T"]:
    """Level of each configuration over tasks. The fewer tasks ran it, the more its neighbors count."""
    counts = (~np.isnan(values[:, :, 0])).sum(axis=0)
    means = np.nanmean(values, axis=0)
    overall = np.average(means, axis=0, weights=counts)
    # level = overall + (K + n) (K + n + s / count)^-1 (mean - overall)
    covariance = correlation + _NUGGET * np.eye(len(counts))
    noisy = covariance + np.diag(_LEVEL_NOISE / counts)
    return overall + covariance @ np.linalg.solve(noisy, means - overall)


def _differences(
    apart: Float[np.ndarray, "C T"],
    rows: Float[np.ndarray, "C D"],
    gaps: Bool[np.ndarray, " C"],
    kernel: ConfigurationKernel,
) -> Float[np.ndarray, "g T"]:
    """Differences of the gaps of one task from their levels, from those of its own runs."""
    there = rows[~gaps]
    # difference = K(gaps, there) (K(there, there) + n + s)^-1 (v - level)
    own = kernel(there, there) + (_NUGGET + _LEVEL_NOISE) * np.eye(len(there))
    return kernel(rows[gaps], there) @ np.linalg.solve(own, apart[~gaps])
