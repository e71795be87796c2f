"""A new task as like one of the earlier ones, and which one: what observed runs say of it, and of all other runs then.

If the new task is like earlier task m, the value of configuration c after slice f is

    y_cf = s_mcf + B_f z + d_c + e_cf,     z ~ N(0, I),     d ~ N(0, D),     var(e) = t2,

s_m the scenario, B what all configurations have in common, d and e as in `foretune.surrogate.blend`. That it is like m
has the probability w_m, and once something was seen, in proportion to w_m p_m^a: p_m is the density of what was seen if
it is, and a < 1, because no scenario is the truth (tempered likelihoods: Grünwald, 2012).

The blend makes one normal distribution of all this. It cannot say that a run is most likely no good and, with one
chance in ten, far better than anything seen: what makes it wide makes all bad runs promising. A mixture can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.blend import OwnDeviation

_TEMPER = 0.3
"""a; see `docs/decisions.md`."""
_LEAST_SHARE = 0.01
"""Cases that weigh less than this share of the heaviest one are left out."""


@dataclass(frozen=True)
class Mixture:
    """The pool of a new task before anything is seen of it.

    Attributes:
        values: (M, N, T) s.
        weights: (M,) w.
        common: (T, C) B.
        own: D without `run_variance`.
        run_variance: added to the diagonal of D.
        slice_variance: t2.
    """

    values: np.ndarray
    weights: np.ndarray
    common: np.ndarray
    own: OwnDeviation
    run_variance: float
    slice_variance: float

    def given(self, seen: Mapping[int, Float[np.ndarray, "S k"]], log_prior: Float[np.ndarray, " S"]) -> Outcomes:
        """What may come of all slices.

        Args:
            seen: place in the pool -> values of its first k slices, in S readings of them (units they may be in).
            log_prior: of the readings.
        """
        logs = log_prior[:, None] + np.log(self.weights)
        variance = (self.own.variance + self.run_variance)[:, None] + (self.common**2).sum(axis=1)
        if not seen:
            reading, task, weights = _heaviest(logs)
            return Outcomes(weights, reading, self.values[task], np.sqrt(variance + self.slice_variance))
        told = _Told.of(seen)
        lower, cross = self._covariances(told)
        apart = told.values[:, None, :] - self.values[:, told.places, told.slices]
        white = np.linalg.solve(lower, apart.reshape(-1, len(told.places)).T)
        logs = logs - 0.5 * _TEMPER * (white**2).sum(axis=0).reshape(logs.shape)
        reading, task, weights = _heaviest(logs)
        gain = np.linalg.solve(lower, cross)
        moved = (white[:, np.ravel_multi_index((reading, task), logs.shape)].T @ gain).reshape(-1, *variance.shape)
        left = np.maximum(variance - (gain**2).sum(axis=0).reshape(variance.shape), 0.0)
        return Outcomes(weights, reading, self.values[task] + moved, np.sqrt(left + self.slice_variance))

    def _covariances(self, told: _Told) -> tuple[Float[np.ndarray, "k k"], Float[np.ndarray, "k NT"]]:
        """Cholesky factor of what was observed, and its covariance with everything."""
        chosen, column = np.unique(told.places, return_inverse=True)
        own = self.own.covariance(chosen)
        own[chosen, np.arange(len(chosen))] += self.run_variance
        own, common = own[:, column], self.common[told.slices]
        joint = own[told.places] + common @ common.T + self.slice_variance * np.eye(len(told.places))
        cross = own.T[:, :, None] + (common @ self.common.T)[:, None, :]
        return np.linalg.cholesky(joint), cross.reshape(len(told.places), -1)


@dataclass(frozen=True)
class Outcomes:
    """What may come of N configurations after T slices: one of K cases.

    Attributes:
        weights: (K,) of the cases, their sum is 1.
        reading: (K,) which of the readings each is in.
        mean: (K, N, T).
        std: (N, T), the same in all cases.
    """

    weights: np.ndarray
    reading: Int[np.ndarray, " K"]
    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class _Told:
    """Observed slices, k in all: (k,) places and slices, (S, k) values."""

    places: Int[np.ndarray, " k"]
    slices: Int[np.ndarray, " k"]
    values: np.ndarray

    @classmethod
    def of(cls, seen: Mapping[int, Float[np.ndarray, "S k"]]) -> _Told:
        counts = [values.shape[1] for values in seen.values()]
        slices = np.concatenate([np.arange(count) for count in counts])
        return cls(np.repeat(list(seen), counts), slices, np.concatenate(list(seen.values()), axis=1))


def _heaviest(
    logs: Float[np.ndarray, "S M"],
) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Reading, task and weight of the cases that count."""
    weights = np.exp(logs - logs.max())
    reading, task = np.nonzero(weights >= _LEAST_SHARE)
    kept = weights[reading, task]
    return reading, task, kept / kept.sum()
