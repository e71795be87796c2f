"""What is known of the curves on a task at one stage of a search: before the reference run, or after it.

A stage reads features of the task: its meta-features before the reference configuration was trained, the landmarks of
its curve after that (`foretune.surrogate.landmarks`). It works in the unit of the task,

    v = (g - center) / scale,

g a gain, and scale the distance from the median to the best configuration. After the reference run, center is its best
gain, which is known; before it, center and scale are ridge regressions on the features, and the error of center is what
all curves of the task have in common.

Two models say how the configurations compare: the Gaussian processes of `foretune.surrogate.curve_model`, which also
know curves and go on learning from every slice, and a forest that predicts the square root of a configuration's regret.
Their means are mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.curve_model import Basis, CurvesOnTask
from foretune.surrogate.forest import Forest
from foretune.surrogate.multitask import MultitaskPosterior, Points

_CLIP = 4.0
LEAST_VALUE = -4.0
"""Values below are taken for this: what went wrong is bad, and not ten times as bad."""


@dataclass(frozen=True)
class Scaling:
    """Columns to mean 0 and standard deviation 1, clipped at 4; a column that never varied becomes 0.

    Attributes:
        center: (D,).
        spread: (D,) infinite where a column is constant.
    """

    center: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, rows: Float[np.ndarray, "n D"]) -> Scaling:
        """The scaling of these rows."""
        spread = rows.std(0)
        return cls(rows.mean(0), np.where(spread < 1e-9, np.inf, spread))

    def __call__(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n D"]:
        """Scaled rows."""
        return np.clip((rows - self.center) / self.spread, -_CLIP, _CLIP)


@dataclass(frozen=True)
class Unit:
    """Center and scale of a task from its scaled features.

    Attributes:
        center: (F + 1,) weights and intercept of center; of no use where the reference run tells it.
        log_scale: (F + 1,) likewise of log scale.
        center_error: standard deviation of what `center` misses, in units of scale.
    """

    center: np.ndarray
    log_scale: np.ndarray
    center_error: float

    def __call__(self, features: Float[np.ndarray, " F"]) -> tuple[float, float]:
        """Center and scale."""
        known = np.append(features, 1.0)
        return float(known @ self.center), float(np.exp(known @ self.log_scale))


@dataclass(frozen=True)
class Stage:
    """A fitted stage.

    Attributes:
        rows: scaling of encoded configurations.
        features: scaling of the task's features.
        unit: of tasks.
        basis: of curves in that unit.
        posteriors: J Gaussian processes.
        forest: of square roots of regrets, from scaled rows and features side by side.
        share: of the forest in the mean, from 0 to 1.
    """

    rows: Scaling
    features: Scaling
    unit: Unit
    basis: Basis
    posteriors: tuple[MultitaskPosterior, ...]
    forest: Forest
    share: float

    def on(
        self, rows: Float[np.ndarray, "n D"], features: Float[np.ndarray, " F"], reference: float | None
    ) -> StageOnTask:
        """The stage on a pool of one task.

        Args:
            rows: encoded configurations.
            features: of the task.
            reference: best gain of the reference run, where that is known.
        """
        points = task_points(self.rows(rows), self.features(features[None, :])[0])
        center, scale = self.unit(points.features[0])
        error = self.unit.center_error if reference is None else 0.0
        curves = CurvesOnTask(
            self.basis, tuple(posterior.on(points) for posterior in self.posteriors), np.zeros(len(rows)), error**2
        )
        shift = self._shift(points, curves.mean.max(axis=1))
        curves = CurvesOnTask(self.basis, curves.latents, shift, error**2)
        return StageOnTask(curves, center if reference is None else reference, scale)

    def _shift(self, points: Points, peaks: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """From the peaks that the curves have to the mixture with those of the forest, their mean left as it is."""
        voted = -(self.forest.predict(np.hstack([points.rows, points.features])) ** 2)
        return self.share * ((voted - voted.mean()) - (peaks - peaks.mean()))


@dataclass(frozen=True)
class StageOnTask:
    """A stage on a pool of one task.

    Attributes:
        curves: in the unit of the task.
        center: gain that is 0 there.
        scale: gain that is 1 there, from center.
    """

    curves: CurvesOnTask
    center: float
    scale: float

    def values(self, gains: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Gains in the unit of the task."""
        return np.maximum((gains - self.center) / self.scale, LEAST_VALUE)


def task_points(rows: Float[np.ndarray, "n D"], features: Float[np.ndarray, " F"]) -> Points:
    """Scaled rows of one task with its scaled features beside each."""
    return Points(rows, np.tile(features, (len(rows), 1)))
