"""Seconds on hardware that the cost surrogate has not seen: a few steps are timed before the search.

How long everything takes there, and how that changes with the batch size, is a line through what was measured of one or
two configurations. Without it a search on a GPU, priced as a CPU, believes that next to nothing fits into its time, and
begins with the least of all runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from foretune.surrogate.protocol import CostSurrogate, Surrogates
from foretune.types import Configuration, Task

Pace = Mapping[Configuration, float]
"""What a slice of a configuration takes here: seconds, training and evaluation."""

SLOPE, OWN = 0.3, 0.2
"""Standard deviations, in log seconds: of the slope over the logarithm of the batch size, and of what a configuration
has of its own (`docs/decisions.md` has what that is worth)."""


@dataclass(frozen=True)
class PacedCost:
    """A cost surrogate, shifted to the hardware at hand; see `CostSurrogate`.

    Attributes:
        cost: what it was fitted on is other hardware.
        level: log of measured over predicted seconds at a batch size of 1.
        slope: of that over the log of the batch size.
    """

    cost: CostSurrogate
    level: float
    slope: float

    def predict(self, task: Task, configurations: Sequence[Configuration], fidelities: np.ndarray) -> np.ndarray:
        """Seconds (N,), see `CostSurrogate`."""
        batches = np.array([log_batch(one) for one in configurations])
        return self.cost.predict(task, configurations, fidelities) * np.exp(self.level + self.slope * batches)


def paced(surrogates: Surrogates, task: Task, pace: Pace) -> Surrogates:
    """The same surrogates with seconds of the hardware that `pace` was measured on; unchanged if that is empty."""
    return replace(surrogates, cost=paced_cost(surrogates.cost, task, pace)) if pace else surrogates


def paced_cost(cost: CostSurrogate, task: Task, pace: Pace) -> PacedCost:
    """Of the hardware that `pace` was measured on; as it is if that is empty."""
    if not pace:
        return PacedCost(cost, 0.0, 0.0)
    measured, fidelities = np.array(list(pace.values())), np.ones(len(pace), dtype=np.intp)
    ratios = np.log(measured / cost.predict(task, list(pace), fidelities))
    batches = np.array([log_batch(one) for one in pace])
    slope = expected_slope(batches, ratios)
    return PacedCost(cost, float((ratios - slope * batches).mean()), slope)


def log_batch(configuration: Configuration) -> float:
    """Log of the batch size; 0 where there is none, as in tables from elsewhere."""
    size = configuration.values.get("batch_size")
    return math.log(size) if isinstance(size, int | float) and size > 0 else 0.0


def expected_slope(batches: Float[np.ndarray, " k"], ratios: Float[np.ndarray, " k"]) -> float:
    """Of log measured over predicted seconds, over the log of the batch size, given that it is ~ N(0, SLOPE^2)."""
    apart = batches - batches.mean()
    return float(apart @ (ratios - ratios.mean()) / (apart @ apart + (OWN / SLOPE) ** 2))
