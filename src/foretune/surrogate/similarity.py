"""How much each earlier task counts on a new one, before other runs than that of the default are seen.

Symbols:
    M earlier tasks, F meta-features, L landmarks.
    d^2: (M,) squared distances of the new task from each earlier one, the sum of
        d_f^2: mean over F of squared differences of standardized meta-features,
        d_l^2: mean over L of squared differences of standardized landmarks, once the reference run is complete,
        d_n^2: share of (dataset, base model) that differ.
    h: `_WIDTH`, the distance at which an earlier task begins to count less.
    w: (M,) weights.

    w = exp(-(d^2 - min d^2) / (2 h^2)),     divided by their sum.

Weights are relative to the nearest task: a new task that is like no other is judged by those that are least unlike it
(kernel regression: Nadaraya, 1964; Watson, 1964). Standardized columns of two tasks drawn at random are 2 apart in the
mean square, so that is the distance where a meta-feature or the reference run of a task is not known.

The landmarks of a task are seven numbers of the curve of the reference configuration, with which every search begins
(landmarking: Pfahringer et al., 2000). How far the loss falls, how soon, and whether it rises again tell more about the
configurations that suit a task than any meta-feature does: long runs do where it is still falling at the end, short or
careful ones where it overfits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.scaling import Scaling

_TYPICAL = 2.0
_WIDTH = 0.5
LANDMARKS = ("first", "middle", "last", "best", "peak", "lost", "rise")
_TAIL = 0.25

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
        """Weights w, which sum to 1.

        Args:
            features: meta-features of the new task, not scaled.
            landmarks: of its reference run, None before that is complete.
            differing: share of labels in which each earlier task differs.
        """
        squared = differing + _mean_squares(self.features, self.feature_scaling, features)
        if landmarks is not None:
            squared = squared + _mean_squares(self.landmarks, self.landmark_scaling, landmarks)
        closeness = np.exp(-0.5 * (squared - squared.min()) / _WIDTH**2)
        return closeness / closeness.sum()


def landmarks_of(gains: Float[np.ndarray, " T"]) -> Float[np.ndarray, " L"]:
    """Numbers of a complete curve of gains (`foretune.surrogate.gains`), in the order of `LANDMARKS`.

    Gain after the first slice, in the middle, and at the end; the best, and at which share of the run it was; the loss
    after it; the rise in the last quarter.
    """
    last, count = len(gains) - 1, len(gains)
    best = int(np.argmax(gains))
    before_tail = max(last - round(_TAIL * count), 0)
    return np.array(
        [
            gains[0],
            gains[(count - 1) // 2],
            gains[last],
            gains[best],
            (best + 1) / count,
            gains[last] - gains[best],
            gains[last] - gains[before_tail],
        ]
    )


def differing_labels(labels: Labels, others: Sequence[Labels]) -> Float[np.ndarray, " M"]:
    """d_n^2: share of a task's labels that each other task does not have."""
    return np.array([np.mean([one != two for one, two in zip(labels, other, strict=True)]) for other in others])


def _mean_squares(earlier: np.ndarray, scaling: Scaling, new: np.ndarray) -> Float[np.ndarray, " M"]:
    """d_f^2 or d_l^2, over the columns that vary among earlier tasks."""
    varies = np.isfinite(scaling.spread)
    if not varies.any():
        return np.zeros(len(earlier))
    apart = ((earlier - scaling(new[None, :])) ** 2)[:, varies]
    return np.where(np.isnan(apart), _TYPICAL, apart).mean(axis=1)
