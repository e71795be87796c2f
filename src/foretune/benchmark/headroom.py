"""Headroom: what there is to win on a task after complete runs, against what another seed alone changes.

No seconds here: an order is followed for so many complete runs. Where what separates the best of the pool from the
default (or, where none is known, from the first choice of the average order) is not more than twice the noise, no
comparison on this task can tell methods apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foretune.benchmark.replay import RecordedTask
from foretune.benchmark.replay_task import ReplayTask
from foretune.types import Configuration

MANY = 3
"""Runs after which the orders are looked at again."""


@dataclass(frozen=True)
class Headroom:
    """One task, in the unit of its metric.

    Attributes:
        task: name.
        maximize: whether larger values are better.
        noise: standard deviation over seeds, None where no configuration was run twice.
        default: best slice of the default, NaN where it is not known.
        average: first of the order by mean rank on the other groups' tasks; a greedy portfolio begins with the same.
        average_many: best of its first three.
        portfolio_many: best of the first three of the greedy portfolio.
        oracle: best of the pool.
    """

    task: str
    maximize: bool
    noise: float | None
    default: float
    average: float
    average_many: float
    portfolio_many: float
    oracle: float

    @property
    def headroom(self) -> float:
        """What is to win over the default, or over the average order's first choice where no default is known."""
        return abs(self.oracle - (self.average if math.isnan(self.default) else self.default))

    @property
    def discriminates(self) -> bool | None:
        """Whether the headroom is more than twice the noise; None where the noise is not known."""
        return None if self.noise is None else self.headroom > 2 * self.noise


def headroom_of(recorded: RecordedTask, setting: ReplayTask, noise: float | None) -> Headroom:
    """The headroom of a task."""
    metric = recorded.task.metric
    peaks = {
        key: float(one.curve.scores.max()) if len(one.curve) else -math.inf for key, one in recorded.recordings.items()
    }

    def best(order: Sequence[Configuration]) -> float:
        return metric.score(max((peaks[one.key] for one in order), default=math.nan))

    return Headroom(
        task=recorded.task.id,
        maximize=metric.maximize,
        noise=noise,
        default=best([setting.default] if setting.default else []),
        average=best(setting.average[:1]),
        average_many=best(setting.average[:MANY]),
        portfolio_many=best(setting.portfolio[:MANY]),
        oracle=best([one.configuration for one in recorded.recordings.values()]),
    )


def headrooms(
    recorded: Mapping[str, RecordedTask], settings: Mapping[str, ReplayTask], noise: Mapping[str, float | None]
) -> list[Headroom]:
    """The headroom of every task."""
    return [headroom_of(one, settings[task], noise[task]) for task, one in recorded.items()]
