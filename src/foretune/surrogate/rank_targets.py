"""What the trees learn: where a slice stands among all slices of its task, and what that amounts to.

A *quantile* is 1 for the best slice of a task and 0 for the worst. It does not change with the unit of the scores, and
one diverged run moves it no more than one bad run does, so that all tasks weigh the same (Salinas et al., 2020). The
way back is the typical quantile function of earlier tasks, in the unit

    y = (gain - best gain of the task) / (best peak - median peak),

which is 0 for the best slice and about -1 for the best one of a middling run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.metadata.ranks import rank_rows
from foretune.surrogate.scenarios import LEAST_VALUE

_GRID = 101


def quantiles(gains: Float[np.ndarray, "n T"]) -> Float[np.ndarray, "n T"]:
    """Of all slices of n runs of one task, between 0 and 1; equal gains share theirs."""
    flat = gains.ravel()
    return (1.0 - (rank_rows(-flat[None, :])[0] - 0.5) / len(flat)).reshape(gains.shape)


@dataclass(frozen=True)
class QuantileFunction:
    """From quantiles to y.

    Attributes:
        values: (G,) y at evenly spaced quantiles from 0 to 1, rising, at least `LEAST_VALUE`.
    """

    values: np.ndarray

    def __call__(self, asked: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """By interpolation; of any shape."""
        return np.interp(asked, np.linspace(0.0, 1.0, len(self.values)), self.values)


def typical_function(tasks: Sequence[Float[np.ndarray, "n T"]]) -> QuantileFunction:
    """The mean over tasks of their quantile functions, from the y of all of their slices."""
    grid = np.linspace(0.0, 1.0, _GRID)
    each = [np.quantile(np.maximum(values, LEAST_VALUE), grid) for values in tasks]
    return QuantileFunction(np.mean(each, axis=0))
