"""What a prediction is worth: pure functions from predictions, an incumbent and costs to numbers; larger is better.

Symbols: mu, sigma predicted mean and standard deviation; y* the incumbent's score; z = (mu - y*) / sigma.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from foretune.types import Prediction

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
