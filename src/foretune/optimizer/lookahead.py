"""One run further ahead: what a run is worth where another one may follow it in the time that is left.

Who takes the run that promises most alone may take one after which nothing else fits, where two shorter ones, one of
which may do, promise more. With I_i the improvement that run i brings within the time left, and J_ij what run j brings
within what i leaves of it,

    worth of i = (E[I_i] + max_j E[max(I_i, J_ij)]) / 2.

It is the mean of what i is worth as the last run and with the best second one, because that is planned anew when i has
shown what it comes to. Expectations are over joint draws: two runs that are good in the same case are not worth twice.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from foretune.types import Prediction

_DRAWS = 256
_MOST_PROMISING, _MOST_PER_SECOND = 40, 20


def shortlist(alone: Float[np.ndarray, " N"], seconds: Float[np.ndarray, " N"]) -> Int[np.ndarray, " n"]:
    """Places of the configurations that are looked at: the best alone, and the best per second among those of any use.

    Args:
        alone: what each is worth as the last run; -inf for what cannot be paid for.
        seconds: it takes.
    """
    able = np.flatnonzero(np.isfinite(alone))
    rate = alone[able] / np.maximum(seconds[able], 1e-9)
    best = able[np.argsort(-alone[able], kind="stable")[:_MOST_PROMISING]]
    return np.union1d(best, able[np.argsort(-rate, kind="stable")[:_MOST_PER_SECOND]])


def draw_improvements(
    weights: Float[np.ndarray, " K"], cases: Prediction, coming: np.ndarray, incumbent: float
) -> Float[np.ndarray, "S n T"]:
    """Draws of how far each configuration's best slice up to each one is above the incumbent, or 0.

    A draw is of one case, as often as its weight says, and of one deviation for all slices of a run. Always the same
    ones.

    Args:
        weights: of the K cases, their sum is 1.
        cases: (K, n, T) higher is better.
        coming: (n, T) slices that are still to be trained; the others bring nothing.
        incumbent: the best score so far.
    """
    places = (np.arange(_DRAWS) + 0.5) / _DRAWS
    drawn = np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)
    std = np.broadcast_to(cases.std, cases.mean.shape)
    deviation = np.random.default_rng(0).standard_normal((_DRAWS, cases.mean.shape[1], 1))
    scores = cases.mean[drawn] + deviation * std[drawn]
    return np.maximum.accumulate(np.where(coming, np.maximum(scores - incumbent, 0.0), 0.0), axis=2)


def worth_with_a_second(
    improvement: Float[np.ndarray, "S n T"], spent: Float[np.ndarray, "n t"], seconds: float
) -> Float[np.ndarray, " n"]:
    """See the top of this module.

    Args:
        improvement: draws, not falling from slice to slice.
        spent: seconds until the end of each slice, not falling either.
        seconds: that are left.
    """
    alone = _within(improvement, spent, seconds)
    price = np.where(spent <= seconds, spent, 0.0).max(axis=1)
    with_second = np.empty(len(spent))
    for place in range(len(spent)):
        second = _within(improvement, spent, seconds - float(price[place]))
        second[:, place] = 0.0
        with_second[place] = np.maximum(alone[:, [place]], second).mean(axis=0).max()
    return (alone.mean(axis=0) + with_second) / 2.0


def _within(
    improvement: Float[np.ndarray, "S n T"], spent: Float[np.ndarray, "n t"], seconds: float
) -> Float[np.ndarray, "S n"]:
    """By the last slice that ends within so many seconds, 0 where none does."""
    slices = (spent <= seconds).sum(axis=1)
    reached = improvement[:, np.arange(len(spent)), np.maximum(slices - 1, 0)]
    return np.where(slices > 0, reached, 0.0)
