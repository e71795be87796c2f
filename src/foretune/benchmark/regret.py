"""Regret: how far a search is from the best of the pool, in units in which tasks can be averaged.

With the best validation score of every run of the pool (its *peak*), the regret of a score y is

    (best peak - y) / (best peak - unit),

where the unit is the median peak (1 is the median configuration, as in `foretune.metadata.gate`) or the peak of the
default configuration (1 is the default). A run without a slice counts as the worst that has one. A score above the best
peak, which only an untrained model can have, has regret 0. Seeds of a task are averaged before tasks are; intervals are
95 % bootstrap intervals over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from foretune.benchmark.replay import RecordedTask
from foretune.metadata.ranks import rank_rows
from foretune.types import Configuration

RESAMPLES = 10_000
Unit = Literal["median", "default"]
Steps = Sequence[tuple[float, float, float]]


@dataclass(frozen=True)
class Scale:
    """What scores of a task are measured by.

    Attributes:
        best: peak of the pool.
        median: of the peaks.
        worst: of the peaks; stands in for the untrained model's score where the table does not know it.
        default: peak of the default configuration, None where it is not known.
        default_final: its score after its last slice.
        noise: standard deviation of a peak over seeds, None where it is not known.
    """

    best: float
    median: float
    worst: float
    default: float | None = None
    default_final: float | None = None
    noise: float | None = None

    @property
    def is_default_beaten(self) -> bool:
        """Whether anything in the pool is better than the default, beyond the noise."""
        return self.default is not None and self.best - self.default > (self.noise or 0.0)


@dataclass(frozen=True)
class Interval:
    """A mean over tasks with its 95 % bootstrap interval, and the number of tasks that it is over."""

    mean: float
    low: float
    high: float
    tasks: int


def scale_of(recorded: RecordedTask, default: Configuration | None, noise: float | None = None) -> Scale:
    """The scale of a task."""
    peaks = peaks_of(recorded)
    curve = recorded.recordings[default.key].curve if default else None
    scores = curve.scores.tolist() if curve is not None else []
    return Scale(
        best=float(peaks.max()),
        median=float(np.median(peaks)),
        worst=float(peaks.min()),
        default=max(scores) if scores else None,
        default_final=scores[-1] if scores else None,
        noise=noise,
    )


def peaks_of(recorded: RecordedTask) -> Float[np.ndarray, " C"]:
    """Best score of every run of the pool; the worst of them for one without a slice."""
    curves = [one.curve.scores for one in recorded.recordings.values()]
    worst = min(float(scores.max()) for scores in curves if len(scores))
    return np.array([float(scores.max()) if len(scores) else worst for scores in curves])


def regret(score: float, scale: Scale, unit: Unit = "median") -> float:
    """Regret of a score; NaN in units of a default that is unknown or that nothing beats beyond the noise.

    Where the median is the best there is, every regret is 0, as in the gate.
    """
    if unit == "default" and not scale.is_default_beaten:
        return math.nan
    spread = scale.best - (scale.median if unit == "median" or scale.default is None else scale.default)
    reached = score if math.isfinite(score) else scale.worst
    return max(0.0, scale.best - reached) / spread if spread > 0 else 0.0


def area(steps: Steps, scale: Scale, seconds: float) -> float:
    """Area under the regret curve (1 = median) from 0 to `seconds`, over `seconds`: the mean regret of that time.

    Regret above 1 counts as 1, or else the time before the first slice, which is the same for all, would be all that
    counts.
    """
    ends = [*(step[0] for step in steps[1:]), seconds]
    return sum(
        min(regret(step[1], scale), 1.0) * (end - step[0]) / seconds for step, end in zip(steps, ends, strict=True)
    )


def seconds_to(steps: Steps, score: float | None) -> float:
    """When a score was reached; NaN if it was not, or is not known."""
    reached = [step[0] for step in steps if score is not None and step[1] >= score]
    return reached[0] if reached else math.nan


def regrets_at(steps: Steps, scale: Scale, seconds: Float[np.ndarray, " G"]) -> Float[np.ndarray, " G"]:
    """Regret (1 = median) at each of these times."""
    values = np.array([regret(step[1], scale) for step in steps])
    return values[np.searchsorted([step[0] for step in steps], seconds, side="right") - 1]


def best_steps(recorded: RecordedTask, first: Configuration | None = None) -> list[tuple[float, float, float]]:
    """The least regret that any search can have: (seconds, best score that a run reaches within them, test score).

    Args:
        recorded: the task's runs.
        first: of searches that train this configuration to the end before anything else.
    """
    start = recorded.zero_shot if math.isfinite(recorded.zero_shot) else -math.inf
    begun = recorded.recordings[first.key].curve.seconds.sum() if first else 0.0
    slices = [
        (float(spent), float(score), float(test))
        for one in recorded.recordings.values()
        for spent, score, test in zip(
            np.cumsum(one.curve.seconds) + (begun if one.configuration != first else 0.0),
            one.curve.scores,
            one.test,
            strict=True,
        )
    ]
    steps = [(0.0, start, recorded.zero_shot_test)]
    for step in sorted(slices, key=lambda one: (one[0], -one[1])):
        if step[1] > steps[-1][1]:
            steps.append(step)
    return steps


def bootstrap(
    values: Float[np.ndarray, "M G"], seed: int = 0
) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
    """Lower and upper ends of the 95 % intervals of the column means: percentiles over 10,000 resamples of the rows."""
    low, high = np.percentile(resamples(len(values), seed) @ values / len(values), [2.5, 97.5], axis=0)
    return low, high


# A comparison has an interval for every method, budget and table, and to draw for 154 tasks takes 0.2 s.
@lru_cache(maxsize=4)
def resamples(count: int, seed: int = 0) -> Float[np.ndarray, "R M"]:
    """How often each of `count` rows occurs in each of 10,000 bootstrap resamples; always the same ones for a seed."""
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)
    drawn.flags.writeable = False
    return drawn


def interval(values: Float[np.ndarray, " M"]) -> Interval:
    """Mean and interval over the tasks that have a value."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Interval(math.nan, math.nan, math.nan, 0)
    low, high = bootstrap(known[:, None])
    return Interval(float(known.mean()), float(low[0]), float(high[0]), len(known))


def mean_ranks(values: Float[np.ndarray, "M K"]) -> Float[np.ndarray, " K"]:
    """Mean over tasks of each method's rank (1 is the smallest value); equal values share their mean rank."""
    return rank_rows(values.round(9)).mean(axis=0)
