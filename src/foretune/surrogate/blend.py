"""A new task as a blend of earlier ones, jointly normal over a pool and its slices, and what observed slices say.

The value of configuration c after slice f on the new task is

    y_cf = m_cf + A_cf z + d_c + e_cf,     z ~ N(0, I),     d ~ N(0, D),     var(e) = t2,

m the weighted mean of R scenarios, the columns of A their weighted deviations from it, d what the new task's
configurations have of their own (alike for like ones, and a part that every run has for itself), e what slices have.
That is an ensemble Kalman filter whose members are earlier tasks (Evensen, 1994): a task that all earlier ones
disagree on is wide open, and a run that only some of them foretold moves all configurations the way these say.

Everything is linear, so conditioning on any slices of any p configurations is exact, by a system of R + p equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int


class OwnDeviation(Protocol):
    """D, what configurations of the new task have of their own, without the part that each run has for itself."""

    @property
    def variance(self) -> Float[np.ndarray, " N"]:
        """Of each alone."""
        ...

    def covariance(self, chosen: Int[np.ndarray, " k"]) -> Float[np.ndarray, "N k"]:
        """Of all with some."""
        ...


@dataclass(frozen=True)
class Blend:
    """The pool of a new task before anything is seen of it.

    Attributes:
        mean: (N, T) m.
        deviations: (N, T, R) A; in single precision, answers take half the time.
        own: D without `run_variance`.
        run_variance: added to the diagonal of D.
        slice_variance: t2.
        redundancy: slices of a run that tell as much as one, beyond which e is alike.
    """

    mean: np.ndarray
    deviations: np.ndarray
    own: OwnDeviation
    run_variance: float
    slice_variance: float
    redundancy: float = 1.0

    def given(self, seen: Mapping[int, Float[np.ndarray, "S k"]]) -> Outlook:
        """What is expected of all slices.

        Args:
            seen: place in the pool -> values of its first k slices, in S readings of them (units they may be in).
        """
        places = np.array(list(seen), dtype=np.intp)
        if not len(places):
            variance = (self.deviations**2).sum(axis=2) + (self.own.variance + self.run_variance)[:, None]
            return Outlook(self.mean[None], np.sqrt(variance + self.slice_variance), np.zeros(1))
        shares, left, precision = self._own_given(places)
        design = self._design(places, [values.shape[1] for values in seen.values()])
        size = self.deviations.shape[2]
        noise = self.slice_variance * self.redundancy
        information = design.T @ design / noise
        information[:size, :size] += np.eye(size)
        information[size:, size:] += precision
        root = np.linalg.inv(np.linalg.cholesky(information))  # root^T root is the covariance of (z, d)
        misses = np.hstack([values - self.mean[p, : values.shape[1]] for p, values in seen.items()])
        found = (root.T @ (root @ (design.T @ misses.T / noise))).T
        moved = found[:, :size] @ self.deviations.reshape(-1, size).T
        mean = self.mean + moved.reshape(len(found), *self.mean.shape) + (found[:, size:] @ shares.T)[:, :, None]
        narrow = self.deviations.dtype  # these products are what an answer takes longest for
        spread = self.deviations @ root[:, :size].T.astype(narrow)
        spread += (shares @ root[:, size:].T).astype(narrow)[:, None, :]
        variance = np.einsum("ntu,ntu->nt", spread, spread) + left[:, None] + self.slice_variance
        surprise = ((misses - found @ design.T) * misses).sum(axis=1) / noise
        return Outlook(mean, np.sqrt(variance), -0.5 * surprise)

    def _own_given(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights (N, p) of the d of `places` in every other d, the variance that is left, and their precision."""
        covariance = self.own.covariance(places)
        covariance[places, np.arange(len(places))] += self.run_variance
        precision = np.linalg.inv(covariance[places])
        shares = covariance @ precision
        left = self.own.variance + self.run_variance - (shares * covariance).sum(axis=1)
        left[places] = 0.0
        return shares, np.maximum(left, 0.0), precision

    def _design(self, places: np.ndarray, counts: list[int]) -> Float[np.ndarray, "o u"]:
        """One row per slice seen: its deviations, and whose d it has."""
        own = np.repeat(np.eye(len(places)), counts, axis=0)
        return np.hstack([np.vstack([self.deviations[p, :k] for p, k in zip(places, counts, strict=True)]), own])


@dataclass(frozen=True)
class Outlook:
    """What is expected of N configurations after T slices, in S readings of what was seen.

    Attributes:
        mean: (S, N, T).
        std: (N, T).
        log_likelihood: (S,) of the readings in their own unit, up to what they have in common.
    """

    mean: np.ndarray
    std: np.ndarray
    log_likelihood: np.ndarray
