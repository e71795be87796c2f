"""What a prediction is worth: pure functions from predictions, an incumbent and costs to numbers; larger is better.

Symbols: mu, sigma predicted mean and standard deviation; y* the incumbent's score; z = (mu - y*) / sigma.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from foretune.types import Prediction

Horizon = Literal["next", "final", "best"]
"""How far ahead a slice is judged, see `worth`."""

_DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)


def expected_improvement(prediction: Prediction, incumbent: float) -> Float[np.ndarray, "*shape"]:
    """E[max(Y - y*, 0)] for Y ~ N(mu, sigma^2).

    The closed form sigma * (z * Phi(z) + phi(z)) (Jones et al., 1998), with the standard normal's distribution Phi and
    density phi.

    Args:
        prediction: normal distributions, higher is better.
        incumbent: y*, the best score so far.

    Returns:
        Not negative, in the unit of the score and the shape of the prediction.
    """
    z = (prediction.mean - incumbent) / prediction.std
    below = ndtr(z)
    density = _DENSITY_AT_ZERO * np.exp(-0.5 * z**2)
    return np.maximum(prediction.std * (z * below + density), 0.0)


def on_log_axis(prediction: Prediction, incumbent: float) -> tuple[Prediction, float]:
    """Losses (negative scores) as -log(loss), so that every halving of it counts the same; others as they are.

    A normal distribution over losses would hope for losses below 0. To first order a loss that is off by sigma moves
    its logarithm by sigma / loss.

    Args:
        prediction: of scores.
        incumbent: the best score so far.
    """
    if incumbent >= 0 or (prediction.mean >= 0).any():
        return prediction, incumbent
    losses = -prediction.mean
    return Prediction(-np.log(losses), prediction.std / losses), -math.log(-incumbent)


def per_cost(
    improvement: Float[np.ndarray, "*shape"], seconds: Float[np.ndarray, "*shape"], power: float = 1.0
) -> Float[np.ndarray, "*shape"]:
    """Improvement per second to the power given; `seconds` must be positive.

    A power of 1 maximizes improvement per second, as if the budget were endless; 0 asks only for the greatest
    improvement; in between, cheap trials are preferred but do not crowd out the ones that lead far (the "cost cooling"
    of Lee et al., arXiv 2003.10870).
    """
    if (seconds <= 0).any():
        raise ValueError("seconds must be positive")
    return improvement / seconds**power


def worth(
    improvement: Float[np.ndarray, "n t"],
    seconds: Float[np.ndarray, "n t"],
    horizon: Horizon,
    seconds_left: float = math.inf,
    power: float = 1.0,
) -> Float[np.ndarray, " n"]:
    """The worth of training each candidate one slice further.

    Column f of both arrays stands for fidelity f + 1. "next" is the rule of Quick-Tune (Arango et al., 2024): expected
    improvement after the next slice, per second of that slice. It is short-sighted here: a fresh candidate can hardly
    beat an incumbent that was trained to the end after one slice of its own. "final" looks at the last fidelity that
    can still be paid for, per second of all that is left until then; "best" takes the fidelity at which that ratio is
    largest, so that a run is also judged by the point where it peaks.

    Args:
        improvement: expected improvement at every fidelity; NaN where already trained.
        seconds: cost of each slice alone; 0 where already trained.
        horizon: how far ahead.
        seconds_left: what may still be spent; a candidate whose next slice costs more is worth -inf.
        power: of the seconds, see `per_cost`.

    Returns:
        (N,) improvement per second, -inf for what cannot be trained further or paid for.
    """
    spent = np.cumsum(seconds, axis=1)
    reachable = ~np.isnan(improvement) & (spent <= seconds_left)
    ratio = np.full(improvement.shape, -np.inf)
    ratio[reachable] = per_cost(improvement[reachable], spent[reachable], power)
    if horizon == "best":
        return ratio.max(axis=1)
    first = np.argmax(reachable, axis=1)
    last = reachable.shape[1] - 1 - np.argmax(reachable[:, ::-1], axis=1)
    column = first if horizon == "next" else last
    # Where nothing is reachable every ratio is -inf, whichever column argmax fell on.
    return ratio[np.arange(len(ratio)), column]
