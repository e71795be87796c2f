"""The curves of recorded configurations on earlier tasks, complete, and what they say of any other configuration.

Each earlier task is a *scenario* of how a new one may turn out: a value for every configuration and slice, in a unit
that tasks share,

    v = (g - best) / scale,

g a gain, best the best of the task and scale the distance from its median configuration's peak to it. So 0 is as good
as it gets, -1 the median, and values below `LEAST_VALUE` are cut off: what went wrong is bad, and not ten times as bad.

What was not run is filled in by kriging (Matheron, 1963), a Gaussian process over encoded configurations: first the
level of each configuration over all tasks, of which one that few tasks know is drawn to its neighbors' levels, then on
each task what its own runs differ from the levels by. A configuration that no task knows is kriged from the complete
table, with the variance that leaves. One that some tasks lack, most often because it takes too long there, is as
uncertain on a task like these as configurations differ between tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

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
        rows: (C, D) encoded configurations, scaled.
        values: (M, C, T).
        recorded: (M, C) which of them were run, and not filled in.
        spread: standard deviation of values over configurations.
        surprise: standard deviation over tasks of the best slice of a configuration, where it was run.
        kernel: of configurations.
    """

    rows: np.ndarray
    values: np.ndarray
    recorded: np.ndarray
    spread: float
    surprise: float
    kernel: ConfigurationKernel

    def interpolation(self, rows: Float[np.ndarray, "N D"], known: Int[np.ndarray, " N"]) -> Interpolation:
        """Of a pool.

        Args:
            rows: encoded and scaled.
            known: place of each among the C; -1 for what was run nowhere.
        """
        return Interpolation(self, rows, known)

    @cached_property
    def inverse(self) -> Float[np.ndarray, "C C"]:
        """(K + nugget)^-1."""
        return np.linalg.inv(self.kernel(self.rows, self.rows) + _NUGGET * np.eye(len(self.rows)))


@dataclass(frozen=True)
class Interpolation:
    """A pool of N configurations among those recorded."""

    scenarios: Scenarios
    rows: np.ndarray
    known: np.ndarray

    def values(self, tasks: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m N T"]:
        """In some of the scenarios."""
        table = self.scenarios.values[tasks]
        found = table[:, np.maximum(self.known, 0)]
        if self._strange.any():
            level = table.mean(axis=1, keepdims=True)
            found[:, self._strange] = level + np.einsum("nc,mct->mnt", self._shares, table - level)
        return found

    def filled_variance(
        self, tasks: Int[np.ndarray, " m"], weights: Float[np.ndarray, " m"]
    ) -> Float[np.ndarray, " N"]:
        """Of recorded configurations, for the share of some tasks, by weight, on which they were filled in."""
        share = weights @ ~self.scenarios.recorded[np.ix_(tasks, np.maximum(self.known, 0))]
        return np.where(self._strange, 0.0, self.scenarios.surprise**2 * share)

    def unknown(self, chosen: Int[np.ndarray, " k"]) -> Float[np.ndarray, "N k"]:
        """Covariance of what kriging leaves open; 0 for recorded configurations."""
        found = np.zeros((len(self.rows), len(chosen)))
        columns = self._strange[chosen]
        if columns.any():
            picked = self.rows[chosen[columns]]
            kernel = self.scenarios.kernel
            left = kernel(self.rows[self._strange], picked) - self._shares @ kernel(self.scenarios.rows, picked)
            found[np.ix_(self._strange, columns)] = self.scenarios.spread**2 * left
        return found

    @cached_property
    def unknown_variance(self) -> Float[np.ndarray, " N"]:
        """Of each alone."""
        found = np.zeros(len(self.rows))
        if self._strange.any():
            cross = self.scenarios.kernel(self.rows[self._strange], self.scenarios.rows)
            found[self._strange] = self.scenarios.spread**2 * np.maximum(1.0 - (self._shares * cross).sum(axis=1), 0.0)
        return found

    @cached_property
    def _strange(self) -> np.ndarray:
        return self.known < 0

    @cached_property
    def _shares(self) -> Float[np.ndarray, "n C"]:
        """What each recorded configuration contributes to each unknown one."""
        return self.scenarios.kernel(self.rows[self._strange], self.scenarios.rows) @ self.scenarios.inverse


def complete(values: Values, rows: Float[np.ndarray, "C D"], kernel: ConfigurationKernel) -> Values:
    """The table without gaps (NaN); recorded values stay as they are."""
    missing = np.isnan(values[:, :, 0])
    if not missing.any():
        return values
    levels = _levels(values, kernel(rows, rows))
    filled = values.copy()
    for task, gaps in enumerate(missing):
        if gaps.any():
            filled[task, gaps] = levels[gaps] + _residuals(values[task] - levels, rows, gaps, kernel)
    return np.maximum(filled, LEAST_VALUE)


def squared_distances(left: Float[np.ndarray, "n d"], right: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Squared Euclidean distances, not negative."""
    squared = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
    return np.maximum(squared, 0.0)


def _levels(values: Values, correlation: Float[np.ndarray, "C C"]) -> Float[np.ndarray, "C T"]:
    """What configurations come to over tasks, from their means where they were run."""
    counts = (~np.isnan(values[:, :, 0])).sum(axis=0)
    means = np.nanmean(values, axis=0)
    overall = np.average(means, axis=0, weights=counts)
    covariance = correlation + _NUGGET * np.eye(len(counts))
    noisy = covariance + np.diag(_LEVEL_NOISE / counts)
    return overall + covariance @ np.linalg.solve(noisy, means - overall)


def _residuals(
    residuals: Float[np.ndarray, "C T"], rows: Float[np.ndarray, "C D"], gaps: np.ndarray, kernel: ConfigurationKernel
) -> Float[np.ndarray, "g T"]:
    there = rows[~gaps]
    own = kernel(there, there) + (_NUGGET + _LEVEL_NOISE) * np.eye(len(there))
    return kernel(rows[gaps], there) @ np.linalg.solve(own, residuals[~gaps])
