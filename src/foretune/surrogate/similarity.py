"""How much each earlier task counts on a new one.

The weight of an earlier task falls with the sum of three mean squared distances,

    w = exp(-(d^2 - min d^2) / (2 h^2)) + floor,     d^2 = d_features^2 + d_landmarks^2 + d_labels^2,

of standardized meta-features, of standardized landmarks of the reference run (once it is trained), and of labels:
the share of (dataset, base model) that differ. Standardized columns of two tasks drawn at random are 2 apart in the
mean square, which is also what a task without a reference run, or without a meta-feature, is taken to be. Weights are
relative to the nearest task: one that is like no other is judged by those that are least unlike it (kernel regression:
Nadaraya, 1964; Watson, 1964).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.scaling import Scaling

_TYPICAL = 2.0
_WIDTH = 0.5
"""h, the distance at which an earlier task begins to count less."""
_FLOOR = 0.02
"""Weight of the least similar task, as a share of that of an equal one."""

Labels = tuple[str, ...]
"""Dataset and base model of a task."""


@dataclass(frozen=True)
class Similarity:
    """M earlier tasks, as far as they tell which of them a new one is like.

    Attributes:
        feature_scaling: of meta-features.
        features: (M, F) scaled; NaN where one is not known.
        landmark_scaling: of landmarks.
        landmarks: (M, L) scaled; NaN for a task without a reference run.
    """

    feature_scaling: Scaling
    features: np.ndarray
    landmark_scaling: Scaling
    landmarks: np.ndarray

    def weights(
        self,
        features: Float[np.ndarray, " F"],
        landmarks: Float[np.ndarray, " L"] | None,
        differing: Float[np.ndarray, " M"],
    ) -> Float[np.ndarray, " M"]:
        """Weights that sum to 1.

        Args:
            features: meta-features of the new task, as they are.
            landmarks: of its reference run, None before that.
            differing: share of labels in which each earlier task differs.
        """
        squared = self.squared(features, landmarks, differing)
        closeness = np.exp(-0.5 * (squared - squared.min()) / _WIDTH**2) + _FLOOR
        return closeness / closeness.sum()

    def squared(
        self,
        features: Float[np.ndarray, " F"],
        landmarks: Float[np.ndarray, " L"] | None,
        differing: Float[np.ndarray, " M"],
    ) -> Float[np.ndarray, " M"]:
        """d^2 of each earlier task; arguments as of `weights`."""
        squared = differing + _mean_squares(self.features, self.feature_scaling, features)
        if landmarks is not None:
            squared = squared + _mean_squares(self.landmarks, self.landmark_scaling, landmarks)
        return squared


def differing_labels(labels: Labels, others: Sequence[Labels]) -> Float[np.ndarray, " M"]:
    """Share of a task's labels that each other task does not have."""
    return np.array([np.mean([one != two for one, two in zip(labels, other, strict=True)]) for other in others])


def _mean_squares(earlier: np.ndarray, scaling: Scaling, new: np.ndarray) -> Float[np.ndarray, " M"]:
    varies = np.isfinite(scaling.spread)
    if not varies.any():
        return np.zeros(len(earlier))
    apart = ((earlier - scaling(new[None, :])) ** 2)[:, varies]
    return np.where(np.isnan(apart), _TYPICAL, apart).mean(axis=1)
