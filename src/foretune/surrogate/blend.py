"""A new task as a blend of earlier ones, jointly normal over a pool and its slices, and what observed slices say.

The value of configuration c after slice f on the new task is

    y_cf = m_cf + A_cf z + d_c + e_cf,     z ~ N(0, I),     d ~ N(0, D),     var(e) = t2,

m the weighted mean of R scenarios, the columns of A their weighted deviations from it, d what the new task's
configurations have of their own (alike for like ones, and a part that every run has for itself), e what slices have.
That is an ensemble Kalman filter whose members are earlier tasks (Evensen, 1994): a task that all earlier ones
disagree on is wide open, and a run that only some of them foretold moves all configurations the way these say.

Everything is linear, so conditioning on any slices of any configurations is exact, and one slice after the other
(`foretune.surrogate.belief`): what a search asks after a slice takes one update of what it knew before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.belief import Belief

_KEPT = 2
"""Beliefs that are kept: what was observed, and the same with what is believed of runs under way."""


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
    _recent: list[Belief] = field(default_factory=list[Belief], init=False, repr=False, compare=False)

    def given(self, seen: Mapping[int, Float[np.ndarray, "S k"]]) -> Outlook:
        """What is expected of all slices.

        Args:
            seen: place in the pool -> values of its first k slices, in S readings of them (units they may be in).
        """
        if not seen:
            return Outlook(self.mean[None], np.sqrt(self._variance + self.slice_variance), np.zeros(1))
        known = max((one for one in self._recent if one.is_part_of(seen)), key=len, default=None)
        belief = known.copy() if known else self._before(len(next(iter(seen.values()))))
        self._learn(belief, seen)
        others = [one for one in self._recent if one is not known]
        self._recent[:] = [*others[1 - _KEPT :], belief]
        return Outlook(belief.mean.copy(), np.sqrt(belief.variance + self.slice_variance), belief.log_likelihood.copy())

    def _before(self, readings: int) -> Belief:
        return Belief.before(self.mean, self._variance, self.deviations.shape[2], readings)

    @property
    def _variance(self) -> Float[np.ndarray, "N T"]:
        of_earlier = np.einsum("ntr,ntr->nt", self.deviations, self.deviations, dtype=np.float64)
        return of_earlier + (self.own.variance + self.run_variance)[:, None]

    def _learn(self, belief: Belief, seen: Mapping[int, Float[np.ndarray, "S k"]]) -> None:
        for place, values in seen.items():
            if place not in belief.seen:
                covariance = self.own.covariance(np.array([place]))[:, 0]
                covariance[place] += self.run_variance
                belief.add(place, covariance)
            for slice_ in range(belief.slices(place), values.shape[1]):
                belief.observe(place, slice_, values[:, slice_], self.deviations, self.slice_variance * self.redundancy)
            belief.seen[place] = values


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
