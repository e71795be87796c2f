"""What the surrogates see of a task, a configuration and a curve, as numbers.

The *gain* of a score says how far the loss fell from the base model's zero-shot loss z, on a scale on which every
halving counts the same:

    g = log(z / loss)  if loss < z,  else  (z - loss) / loss,

so 0 is the untrained model whatever the task. z is known on a new task before any training. The logarithm makes
differences among good runs, which a search is about, as large as those among bad ones; the other branch keeps runs that
went wrong (ten times the untrained model's loss is -0.9) from drowning all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float

from foretune.errors import ConfigurationError, SurrogateError
from foretune.space import Encoder
from foretune.surrogate.meta_features import read_task
from foretune.types import Configuration, Task

SLICES = 8
"""Of a run of `foretune tune`."""

_LEAST_RATIO = 1e-4  # of a loss to the zero-shot loss


def zero_shot_score(task: Task) -> float:
    """The untrained model's score on this task."""
    return task.metric.score(read_task(task).zero_shot_nll)


class Link(Protocol):
    """Between the scores of a task and gains, in which differences on all tasks are comparable."""

    @property
    def least_scale(self) -> float:
        """Gains that differ by less are noise."""
        ...

    def gains(self, scores: np.ndarray) -> np.ndarray:
        """Of any shape."""
        ...

    def scores(self, gains: np.ndarray) -> np.ndarray:
        """The inverse."""
        ...

    def slopes(self, scores: np.ndarray) -> np.ndarray:
        """By how much a score changes with its gain, to first order."""
        ...


@dataclass(frozen=True)
class LossLink:
    """Between losses with their sign turned and gains, see the top of this file.

    Attributes:
        zero_shot: score of the untrained model, -z.
        least_scale: see `Link`.
    """

    zero_shot: float
    least_scale: float = 0.02

    def gains(self, scores: np.ndarray) -> np.ndarray:
        """See `Link`; above -1."""
        ratio = np.maximum(scores / self.zero_shot, _LEAST_RATIO)  # loss / z
        return np.where(ratio < 1.0, -np.log(ratio), 1.0 / ratio - 1.0)

    def scores(self, gains: np.ndarray) -> np.ndarray:
        """See `Link`; gains of -1 and below are read as -0.99 (a hundred times the zero-shot loss)."""
        bounded = np.maximum(gains, -0.99)
        return self.zero_shot * np.where(bounded > 0.0, np.exp(-bounded), 1.0 / (1.0 + np.minimum(bounded, 0.0)))

    def slopes(self, scores: np.ndarray) -> np.ndarray:
        """A gain that is off by d moves the loss by d times itself. Above the zero-shot loss it moves it more, which is
        left out: that a run went wrong is no reason to hope for it."""
        return np.abs(scores)


@dataclass(frozen=True)
class PlainLink:
    """The gain is the score: for tasks of which no zero-shot loss is known."""

    least_scale: float = 1e-9

    def gains(self, scores: np.ndarray) -> np.ndarray:
        """See `Link`."""
        return np.asarray(scores, dtype=np.float64)

    def scores(self, gains: np.ndarray) -> np.ndarray:
        """See `Link`."""
        return gains.copy()

    def slopes(self, scores: np.ndarray) -> np.ndarray:
        """See `Link`."""
        return np.ones_like(scores)


def link_of(task: Task) -> Link:
    """By the zero-shot loss, where it is known."""
    zero_shot = task.meta_features.get("zero_shot_nll")
    if zero_shot is None or task.metric.maximize:
        return PlainLink()
    if zero_shot <= 0:
        raise SurrogateError(f"task {task.id!r} has a zero-shot loss of {zero_shot}: there is nothing to improve")
    return LossLink(task.metric.score(zero_shot))


def width_of(task: Task) -> int | None:
    """Of the base model, None where it is not known."""
    width = task.meta_features.get("model_log_width")
    return None if width is None else round(10**width)


def number(configurations: Sequence[Configuration], name: str) -> Float[np.ndarray, " n"]:
    """A hyperparameter that every configuration must have."""
    values = [configuration.values.get(name) for configuration in configurations]
    bad = [value for value in values if not isinstance(value, int | float)]
    if bad:
        raise SurrogateError(
            f"every configuration needs a number called {name!r}, got {bad[0]!r}; is it from another search space?"
        )
    return np.array(values, dtype=np.float64)


def feature_vector(task: Task, names: Sequence[str]) -> Float[np.ndarray, " d"]:
    """The task's meta-features in the order of `names`."""
    missing = [name for name in names if name not in task.meta_features]
    if missing:
        raise SurrogateError(
            f"task {task.id!r} lacks the meta-features {', '.join(missing)}; describe it with this foretune, "
            "or fit the surrogate anew with `foretune fit`"
        )
    return np.array([task.meta_features[name] for name in names])


def known_features(task: Task, names: Sequence[str]) -> Float[np.ndarray, " d"]:
    """The same with NaN for what is not known of the task."""
    return np.array([task.meta_features.get(name, np.nan) for name in names], dtype=np.float64)


def check_slices(task: Task, slices: int = SLICES) -> None:
    """A run of the task must have as many slices as was learned from."""
    if task.max_fidelity != slices:
        raise SurrogateError(
            f"task {task.id!r} has {task.max_fidelity} slices a run, the surrogate learned from {slices}"
        )


def encode(encoder: Encoder, task: Task, configurations: Sequence[Configuration]) -> Float[np.ndarray, "n d"]:
    """The configurations, encoded for the width of the task's base model.

    Raises:
        SurrogateError: if a configuration is of another search space.
    """
    width = width_of(task)
    try:
        return (encoder if width is None else encoder.at(width)).encode(configurations)
    except ConfigurationError as error:
        message = (
            f"the surrogate does not know such configurations: {error}; use its search space, or fit one for yours"
        )
        raise SurrogateError(message) from error
