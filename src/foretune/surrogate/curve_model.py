"""Learning curves as a few latent numbers, jointly normal over the pool of a task, and what observed slices say.

In the unit of its task (`Unit`), the curve of configuration c is

    v_f(c) = m_f + sum_j B_fj u_j(c) + e,     f = 1 ... T,     var(e) = t2

with J < T directions B that most of the recorded curves' variance lies in, and a Gaussian process for each latent u_j
(`foretune.surrogate.multitask`). Everything is linear and normal, so conditioning on any slices of any runs of the new
task is exact: a curve so far says how it goes on, a bad run makes its like look worse.

The k slices seen of a run say no more than R u + e with at most J rows, B_1..k = Q R: that keeps a search of hundreds
of slices fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from foretune.surrogate.multitask import NewTask


@dataclass(frozen=True)
class Basis:
    """Where curves lie.

    Attributes:
        mean: (T,) m.
        directions: (T, J) B, scaled such that the recorded latents have unit variance.
        residual: t2.
    """

    mean: np.ndarray
    directions: np.ndarray
    residual: float

    def latents(self, curves: Float[np.ndarray, "n T"]) -> Float[np.ndarray, "n J"]:
        """The latent numbers of complete curves, by least squares."""
        return np.linalg.lstsq(self.directions, (curves - self.mean).T, rcond=None)[0].T


def fit_basis(curves: Float[np.ndarray, "n T"], count: int) -> Basis:
    """The first principal components of recorded curves; at most as many as they have slices."""
    mean = curves.mean(0)
    _, spread, right = np.linalg.svd(curves - mean, full_matrices=False)
    kept = min(count, curves.shape[1])
    scale = np.maximum(spread[:kept] / np.sqrt(len(curves)), 1e-6)
    explained = (spread[:kept] ** 2).sum() / max((spread**2).sum(), 1e-12)
    residual = (1.0 - explained) * float((curves - mean).var(0).mean())
    return Basis(mean, right[:kept].T * scale, max(residual, 1e-6))


@dataclass(frozen=True)
class CurvesOnTask:
    """Curves of a pool of N configurations on one new task.

    Attributes:
        basis: of curves.
        latents: J Gaussian processes.
        shift: (N,) what others than they know about the level of each.
        offset_variance: of what all curves of the task have in common beyond what is predicted.
    """

    basis: Basis
    latents: tuple[NewTask, ...]
    shift: Float[np.ndarray, " N"]
    offset_variance: float = 0.0

    @cached_property
    def mean(self) -> Float[np.ndarray, "N T"]:
        """Before anything is seen."""
        latents = np.column_stack([latent.mean for latent in self.latents])
        return self.basis.mean + latents @ self.basis.directions.T + self.shift[:, None]

    def given(
        self, seen: Mapping[int, Float[np.ndarray, " k"]]
    ) -> tuple[Float[np.ndarray, "N T"], Float[np.ndarray, "N T"]]:
        """Mean and standard deviation of every slice of every configuration.

        Args:
            seen: place in the pool -> values of its first slices; what was seen is answered as it was, with a tiny
                standard deviation.
        """
        seen = {place: values for place, values in seen.items() if len(values)}
        loadings = np.column_stack([self.basis.directions, np.ones(len(self.basis.mean))])
        prior = np.column_stack([*(latent.variance for latent in self.latents), self._offsets])
        mean, left = self.mean, np.einsum("nj,jk->njk", prior, np.eye(prior.shape[1]))
        if seen:
            rows, targets, places = self._compressed(seen, loadings)
            cross = self._cross(rows, places)  # (O, J + 1, N)
            covariance = np.einsum("ojp,pj->op", cross[:, :, places], rows)
            covariance += self.basis.residual * np.eye(len(rows))
            lower = np.linalg.cholesky(covariance)
            half = np.linalg.solve(lower, cross.reshape(len(rows), -1)).reshape(cross.shape)
            told = np.linalg.solve(lower, targets)
            mean = mean + np.einsum("o,ojn->nj", told, half) @ loadings.T
            left = left - np.einsum("ojn,okn->njk", half, half)
        variance = np.einsum("fj,njk,fk->nf", loadings, left, loadings) + self.basis.residual
        std = np.sqrt(np.maximum(variance, 1e-9))
        for place, values in seen.items():
            mean[place, : len(values)], std[place, : len(values)] = values, 1e-6
        return mean, std

    @property
    def _offsets(self) -> Float[np.ndarray, " N"]:
        return np.full(len(self.shift), self.offset_variance)

    def _compressed(
        self, seen: Mapping[int, np.ndarray], loadings: Float[np.ndarray, "T j"]
    ) -> tuple[Float[np.ndarray, "o j"], Float[np.ndarray, " o"], np.ndarray]:
        """Rows R of all runs, what they came to beyond the mean, and the place in the pool that each is about."""
        rows, targets, places = list[np.ndarray](), list[np.ndarray](), list[int]()
        for place, values in seen.items():
            q, r = np.linalg.qr(loadings[: len(values)])
            rows.append(r)
            targets.append(q.T @ (values - self.mean[place, : len(values)]))
            places += [place] * len(r)
        return np.vstack(rows), np.concatenate(targets), np.array(places, dtype=np.intp)

    def _cross(self, rows: Float[np.ndarray, "o j"], places: np.ndarray) -> Float[np.ndarray, "o j N"]:
        """Covariance of each compressed observation with every latent of every configuration."""
        distinct, where = np.unique(places, return_inverse=True)
        parts = [latent.covariance(distinct).T[where] for latent in self.latents]
        parts.append(np.full((len(places), len(self.shift)), self.offset_variance))
        return np.stack(parts, axis=1) * rows[:, :, None]
