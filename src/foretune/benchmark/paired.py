"""Paired comparisons: every method against one of them, the baseline, on the same tasks.

Tasks differ more than methods do, so that regrets whose intervals overlap may still differ reliably. With r the regret
(1 = median) on each task for one budget, seeds averaged:

    difference:    mean(r_method - r_baseline)
    ratio:         mean(r_method) / mean(r_baseline)
    closed share:  mean(r_baseline - r_method) / mean(r_baseline - r_bound)

The last is 0 for the baseline and 1 for the bound, the oracle. They are ratios of means, because the regret on a single
task may be 0. Intervals are 95 % bootstrap intervals over tasks, from the same resamples as those of the regret.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.benchmark.figures import task_means
from foretune.benchmark.methods import choose
from foretune.benchmark.regret import Interval, interval, resamples
from foretune.errors import ConfigurationError

USUAL = "portfolio"
"""The baseline if none is asked for: it learns from other tasks, but nothing from the one at hand."""
_DECIMALS = 9


@dataclass(frozen=True)
class Difference:
    """Regret minus that of the baseline, below 0 where the method is better.

    Attributes:
        interval: mean over tasks.
        wins: tasks on which the method has less regret.
        losses: tasks on which it has more.
        ties: tasks on which both have the same.
    """

    interval: Interval
    wins: int
    losses: int
    ties: int


def baseline_of(methods: Sequence[str], asked: str | None = None) -> str | None:
    """The method that the others are compared with.

    Args:
        methods: that are compared, as they were written.
        asked: for; None for the portfolio if it is among them, else no baseline.

    Raises:
        ConfigurationError: if what was asked for is no method, or not among these.
    """
    if asked is None:
        return USUAL if USUAL in methods else None
    if asked not in methods:
        choose([asked])
        raise ConfigurationError(
            f"the baseline {asked!r} is not among the methods that are compared: {', '.join(methods)}; choose one of "
            "them, written like there, or add it to --methods"
        )
    return asked


def differences(frame: pd.DataFrame, baseline: str) -> dict[tuple[str, str], Difference]:
    """(method, budget) -> difference from the baseline, for all other methods."""
    return {key: _difference(own - base) for key, (own, base) in _aligned(frame, baseline).items()}


def ratios(frame: pd.DataFrame, baseline: str) -> dict[tuple[str, str], Interval]:
    """(method, budget) -> mean regret over that of the baseline, for all other methods."""
    return {key: ratio_of_means(own, base) for key, (own, base) in _aligned(frame, baseline).items()}


def closed_shares(frame: pd.DataFrame, baseline: str, bound: str) -> dict[tuple[str, str], Interval]:
    """(method, budget) -> share of the gap between baseline and bound that is closed, for all other methods."""
    found = _aligned(frame, baseline, bound)
    return {key: ratio_of_means(base - own, base - best) for key, (own, base, best) in found.items()}


def ratio_of_means(above: Float[np.ndarray, " M"], below: Float[np.ndarray, " M"]) -> Interval:
    """Ratio of the means over tasks; of no task and NaN where the mean below is not positive.

    Resamples in which it is not positive are left out of the interval.
    """
    if below.mean().round(_DECIMALS) <= 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    drawn = resamples(len(above))
    sums, divisors = drawn @ above, drawn @ below
    defined = divisors.round(_DECIMALS) > 0
    low, high = np.percentile(sums[defined] / divisors[defined], [2.5, 97.5])
    return Interval(float(above.mean() / below.mean()), float(low), float(high), len(above))


def _difference(values: Float[np.ndarray, " M"]) -> Difference:
    values = values.round(_DECIMALS) + 0.0  # which makes -0.0 a 0.0
    wins, losses = int((values < 0).sum()), int((values > 0).sum())
    return Difference(interval(values), wins, losses, len(values) - wins - losses)


def _aligned(frame: pd.DataFrame, *others: str) -> dict[tuple[str, str], tuple[Float[np.ndarray, " M"], ...]]:
    """(method, budget) -> regrets of it and of each of the others, by task; no keys of the others themselves."""
    found = task_means(frame, "regret_median")
    return {
        (method, budget): tuple(np.array([found[name, budget][task] for task in own]) for name in (method, *others))
        for (method, budget), own in found.items()
        if method not in others
    }
