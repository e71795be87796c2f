"""A Gaussian process over configurations and tasks at once, at prediction time, in numpy.

What a run of configuration c on task t comes to is

    y = g(c, x_t) + d_t(c) + e,

g what tasks with like features x have in common, d_t what only this task has, e what only this run has (its seed):

    cov(g) = a_0 k_0(c, c') + a_1 k_1(c, c') k_x(x, x')      cov(d_t) = a_2 k_2(c, c')      var(e) = n2

k_i are squared exponentials of encoded configurations with common lengthscales times a factor s_i, k_x one of features.
So a new task begins with what its features say (g), and every run on it tells something about the other configurations
on it (g and d_t), without anything being fitted again.

Only g carries over, so only g is kept, at M inducing points Z (Titsias, 2009), with the covariance of d_t + e of each
recorded task as the noise of its runs:

    A = K_ZZ + sum_t K_Zt C_t^-1 K_tZ,     C_t = cov(d_t) + n2 I
    mean(g) = k_xZ A^-1 sum_t K_Zt C_t^-1 y_t
    cov(g, g') = k(x, x') - k_xZ (K_ZZ^-1 - A^-1) k_Zx'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.posterior import JITTER, condense


@dataclass(frozen=True)
class Points:
    """Configurations, each on a task: encoded `rows` (n, D) and the task's `features` (n, F), standardized."""

    rows: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Int[np.ndarray, " m"] | slice) -> Points:
        """A part of them."""
        return Points(self.rows[chosen], self.features[chosen])


@dataclass(frozen=True)
class MultitaskKernel:
    """The numbers of the covariances.

    Attributes:
        row_lengths: (D,) lengthscales of encoded configurations.
        feature_lengths: (F,) lengthscales of features.
        amplitudes: (3,) a_0, a_1, a_2.
        factors: (3,) s_0, s_1, s_2 on `row_lengths`.
        noise: n2.
    """

    row_lengths: np.ndarray
    feature_lengths: np.ndarray
    amplitudes: np.ndarray
    factors: np.ndarray
    noise: float

    def general(self, left: Points, right: Points) -> Float[np.ndarray, "n m"]:
        """cov(g)."""
        rows = self._row_distances(left.rows, right.rows)
        features = squared_distances(left.features / self.feature_lengths, right.features / self.feature_lengths)
        shared = self.amplitudes[0] * self._correlation(rows, 0)
        return shared + self.amplitudes[1] * self._correlation(rows, 1) * np.exp(-0.5 * features)

    def specific(self, left: Float[np.ndarray, "n D"], right: Float[np.ndarray, "m D"]) -> Float[np.ndarray, "n m"]:
        """cov(d_t) between encoded configurations on one task."""
        return self.amplitudes[2] * self._correlation(self._row_distances(left, right), 2)

    @property
    def variance(self) -> float:
        """Of y, before anything is known."""
        return float(self.amplitudes.sum() + self.noise)

    def _row_distances(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return squared_distances(left / self.row_lengths, right / self.row_lengths)

    def _correlation(self, distances: np.ndarray, term: int) -> np.ndarray:
        return np.exp(-0.5 * distances / self.factors[term] ** 2)


def squared_distances(left: Float[np.ndarray, "n d"], right: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Squared Euclidean distances, not negative."""
    squared = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
    return np.maximum(squared, 0.0)


@dataclass(frozen=True)
class MultitaskPosterior:
    """g given the recorded runs.

    Attributes:
        kernel: the numbers.
        inducing: M points Z.
        weights: (M,) A^-1 sum_t K_Zt C_t^-1 y_t.
        explained: (M, M) factor F with F F^T = K_ZZ^-1 - A^-1.
    """

    kernel: MultitaskKernel
    inducing: Points
    weights: np.ndarray
    explained: np.ndarray

    def on(self, points: Points) -> NewTask:
        """What is known of a new task, of which nothing was seen.

        Args:
            points: the pool of one task.
        """
        cross = self.kernel.general(points, self.inducing)
        return NewTask(self.kernel, points, cross @ self.weights, cross @ self.explained)


@dataclass(frozen=True)
class NewTask:
    """y of a pool of N configurations on one new task, jointly normal.

    Attributes:
        kernel: the numbers.
        points: the pool.
        mean: (N,) of y.
        explained: (N, M) factor of what recorded runs take away from cov(g).
    """

    kernel: MultitaskKernel
    points: Points
    mean: np.ndarray
    explained: np.ndarray

    def covariance(self, chosen: Int[np.ndarray, " k"]) -> Float[np.ndarray, "N k"]:
        """Of all N with some of them; a run's own noise is shared with itself alone."""
        some = self.points.take(chosen)
        found = self.kernel.general(self.points, some) + self.kernel.specific(self.points.rows, some.rows)
        found -= self.explained @ self.explained[chosen].T
        found[chosen, np.arange(len(chosen))] += self.kernel.noise
        return found

    @cached_property
    def variance(self) -> Float[np.ndarray, " N"]:
        """Of each alone."""
        explained = (self.explained**2).sum(1)
        return np.maximum(self.kernel.variance - explained, self.kernel.noise)


def condition(
    kernel: MultitaskKernel,
    tasks: Iterable[tuple[Points, Float[np.ndarray, " n"]]],
    inducing: Points,
) -> MultitaskPosterior:
    """g given the runs (points, y) of each recorded task."""
    size = len(inducing)
    gram, projected = np.zeros((size, size)), np.zeros(size)
    for points, targets in tasks:
        own = kernel.specific(points.rows, points.rows) + (kernel.noise + JITTER) * np.eye(len(points))
        lower = np.linalg.cholesky(own)
        whitened = np.linalg.solve(lower, kernel.general(points, inducing))
        gram += whitened.T @ whitened
        projected += whitened.T @ np.linalg.solve(lower, targets)
    weights, explained = condense(kernel.general(inducing, inducing), gram, projected)
    return MultitaskPosterior(kernel, inducing, weights, explained)


def choose_inducing(kernel: MultitaskKernel, points: Points, count: int) -> Int[np.ndarray, " m"]:
    """Points that leave least variance of g unexplained, greedily (pivoted Cholesky decomposition); fewer if all is
    explained."""
    total = float(kernel.amplitudes[:2].sum())
    left, factors, chosen = np.full(len(points), total), np.empty((len(points), 0)), list[int]()
    while len(chosen) < min(count, len(points)) and left.max() > JITTER * total:
        pick = int(np.argmax(left))
        column = kernel.general(points, points.take(np.array([pick])))[:, 0] - factors @ factors[pick]
        factors = np.column_stack([factors, column / np.sqrt(left[pick])])
        left = np.maximum(left - factors[:, -1] ** 2, 0.0)
        left[pick] = 0.0
        chosen.append(pick)
    return np.array(chosen, dtype=np.intp)
