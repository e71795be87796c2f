"""Gains: the one scale on which runs of all tasks are compared, and the only place where losses become gains.

Symbols: l loss of a slice, z loss of the untrained base model (zero-shot) on the same split, g gain.

    g = log(z / l)  if l < z,  else  (z - l) / l

So 0 is the untrained model whatever the task, and z is known before any training. The logarithm makes differences among
good runs, which a search is about, as large as those among bad ones: every halving of a loss counts the same. The other
branch keeps runs that went wrong (ten times the untrained model's loss is -0.9) from drowning all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.errors import SurrogateError
from foretune.types import Task

_LEAST_RATIO = 1e-4
_LEAST_GAIN = -0.99
"""Where gains end on the way back: a hundred times the zero-shot loss."""


@dataclass(frozen=True)
class GainScale:
    """Between the scores of a task, which are losses with their sign turned, and gains. Arrays are of any shape.

    Attributes:
        zero_shot: score of the untrained model, -z; None where it is not known, or scores are no losses. The gain is
            then the score.
    """

    zero_shot: float | None = None

    @property
    def least(self) -> float:
        """Gains that differ by less are noise."""
        return 1e-9 if self.zero_shot is None else 0.02

    def gains(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Of scores; above -1 for losses."""
        if self.zero_shot is None:
            return np.array(scores, dtype=np.float64)
        ratio = np.maximum(scores / self.zero_shot, _LEAST_RATIO)  # l / z
        return np.where(ratio < 1.0, -np.log(ratio), 1.0 / ratio - 1.0)

    def scores(self, gains: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """The inverse."""
        if self.zero_shot is None:
            return gains.copy()
        bounded = np.maximum(gains, _LEAST_GAIN)
        return self.zero_shot * np.where(bounded > 0.0, np.exp(-bounded), 1.0 / (1.0 + np.minimum(bounded, 0.0)))

    def slopes(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """By how much a score changes with its gain, to first order.

        A gain that is off by d moves the loss by d times itself. Above the zero-shot loss it moves it more, which is
        left out: that a run went wrong is no reason to hope for it.
        """
        return np.ones_like(scores) if self.zero_shot is None else np.abs(scores)


def gain_scale(task: Task) -> GainScale:
    """Of a task, by its zero-shot loss, where it is known.

    Raises:
        SurrogateError: if that loss is not positive.
    """
    zero_shot = task.meta_features.get("zero_shot_nll")
    if zero_shot is None or task.metric.maximize:
        return GainScale()
    if zero_shot <= 0:
        raise SurrogateError(f"task {task.id!r} has a zero-shot loss of {zero_shot}: there is nothing to improve")
    return GainScale(task.metric.score(zero_shot))
