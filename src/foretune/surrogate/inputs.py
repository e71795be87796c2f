"""What the surrogates see of a task and of a configuration, as numbers. Curves are in `foretune.surrogate.gains`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from foretune.errors import ConfigurationError, SurrogateError
from foretune.space import Encoder
from foretune.surrogate.meta_features import read_task
from foretune.types import CONTINUES, Configuration, Task

SLICES = 8
"""Of a run of `foretune tune`."""


def zero_shot_score(task: Task) -> float:
    """The untrained model's score on this task."""
    return task.metric.score(read_task(task).zero_shot_nll)


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
    plain = [one.without(CONTINUES) for one in configurations]  # a run costs the same, whatever it begins with
    try:
        return (encoder if width is None else encoder.at(width)).encode(plain)
    except ConfigurationError as error:
        message = (
            f"the surrogate does not know such configurations: {error}; use its search space, or fit one for yours"
        )
        raise SurrogateError(message) from error
