"""What is known of a blend of earlier tasks after some slices: a Kalman filter, one update a slice.

The unknowns are the weights z of the earlier tasks' deviations and, for every configuration that was tried, what it has
of its own beyond what those tried before tell of it, e ~ N(0, 1): with d = L e + (what is left), L grows by a column of
a pivoted Cholesky decomposition of D for every configuration (Golub and Van Loan, section 4.2). So the unknowns are
independent before anything is seen, and a slice's value is h (z, e) + noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from jaxtyping import Float

_LEAST_VARIANCE = 1e-12


@dataclass
class Belief:
    """U unknowns and N x T values, in S readings of what was seen.

    Attributes:
        mean: (S, N, T) of the values.
        variance: (N, T) of the values without noise.
        unknown: (S, U) means of the unknowns.
        covariance: (U, U) of the unknowns.
        own: (N, U - R) L.
        log_likelihood: (S,) of what was seen, up to what the readings have in common.
        prior: (N, T) mean before anything was seen.
        seen: place -> (S, k) values of its first slices.
    """

    mean: np.ndarray
    variance: np.ndarray
    unknown: np.ndarray
    covariance: np.ndarray
    own: np.ndarray
    log_likelihood: np.ndarray
    prior: np.ndarray
    seen: dict[int, np.ndarray] = field(default_factory=dict[int, np.ndarray])

    @classmethod
    def before(
        cls,
        mean: Float[np.ndarray, "N T"],
        variance: Float[np.ndarray, "N T"],
        deviations: int,
        readings: int,
    ) -> Self:
        """Before anything is seen.

        Args:
            mean: of the values.
            variance: of the values.
            deviations: R.
            readings: S.
        """
        return cls(
            mean=np.repeat(mean[None], readings, axis=0),
            variance=variance,
            unknown=np.zeros((readings, deviations)),
            covariance=np.eye(deviations),
            own=np.zeros((len(mean), 0)),
            log_likelihood=np.zeros(readings),
            prior=mean,
        )

    def __len__(self) -> int:
        """Slices seen."""
        return sum(values.shape[1] for values in self.seen.values())

    def slices(self, place: int) -> int:
        """Slices seen of one configuration."""
        return self.seen[place].shape[1] if place in self.seen else 0

    def is_part_of(self, seen: Mapping[int, Float[np.ndarray, "S k"]]) -> bool:
        """Whether all that this was made from is there, too."""
        return all(
            place in seen and np.array_equal(seen[place][:, : values.shape[1]], values)
            for place, values in self.seen.items()
        )

    def copy(self) -> Belief:
        """One that can go on by itself; arrays that are only ever replaced are shared."""
        return Belief(
            self.mean.copy(),
            self.variance,
            self.unknown.copy(),
            self.covariance.copy(),
            self.own,
            self.log_likelihood.copy(),
            self.prior,
            dict(self.seen),
        )

    def add(self, place: int, covariance: Float[np.ndarray, " N"]) -> None:
        """One more unknown: what a configuration has of its own.

        Args:
            place: of the configuration.
            covariance: column of D.
        """
        column = covariance - self.own @ self.own[place]
        column /= np.sqrt(max(column[place], _LEAST_VARIANCE))
        self.own = np.column_stack([self.own, column])
        self.unknown = np.pad(self.unknown, ((0, 0), (0, 1)))
        self.covariance = np.pad(self.covariance, (0, 1))
        self.covariance[-1, -1] = 1.0

    def observe(
        self,
        place: int,
        slice_: int,
        values: Float[np.ndarray, " S"],
        deviations: Float[np.ndarray, "N T R"],
        noise: float,
    ) -> None:
        """One more slice of a configuration that was added.

        Args:
            place: of the configuration.
            slice_: from 0.
            values: in each reading.
            deviations: A.
            noise: variance.
        """
        size = deviations.shape[2]
        row = np.concatenate([deviations[place, slice_], self.own[place]])
        together = self.covariance @ row
        total = float(row @ together) + noise
        along = deviations @ together[:size].astype(deviations.dtype) + (self.own @ together[size:])[:, None]
        miss = values - self.prior[place, slice_] - self.unknown @ row
        self.mean += (miss / total)[:, None, None] * along
        self.variance = np.maximum(self.variance - along**2 / total, 0.0)
        self.unknown += np.outer(miss / total, together)
        self.covariance -= np.outer(together, together) / total
        self.log_likelihood -= 0.5 * miss**2 / total
