"""What a method may know when a search begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.replay import RecordedTask
from foretune.benchmark.timing import Timing
from foretune.metadata.common import relative_to_width
from foretune.metadata.orders import Order, Quantiles, average_order, feature_distances, nearest_order, portfolio_order
from foretune.surrogate import Surrogates
from foretune.surrogate.pace import paced
from foretune.types import Configuration, Task

SIZE = "model_log_parameters"
_SAME_SIZE = 1e-6


@dataclass(frozen=True, eq=False)
class ReplayTask:
    """All that a method may know when a search begins.

    Attributes:
        knowledge: of the other groups.
        task: what is finetuned.
        candidates: the pool, in the order of the table.
        hidden_size: width of the base model, None where it is not known.
        default: the configuration a practitioner would start with, None where there is none in the pool.
        default_first: whether searches begin with it.
        answers: the recorded runs; only for methods that are no contestants.
        timing: what a few steps of the default, timed before the search, would tell.
    """

    knowledge: Knowledge
    task: Task
    candidates: tuple[Configuration, ...]
    hidden_size: int | None = None
    default: Configuration | None = None
    default_first: bool = True
    answers: RecordedTask | None = None
    timing: Timing = field(default_factory=Timing)

    def surrogates(self, kind: str) -> Surrogates:
        """Fitted on the other groups; where that was on other hardware, with seconds of the task's own."""
        surrogates = self.knowledge.surrogates(kind)
        return paced(surrogates, self.task, self.timing.pace) if self.is_elsewhere else surrogates

    @property
    def is_elsewhere(self) -> bool:
        """Whether the other groups tell no seconds of this task's hardware."""
        return bool(self.timing.hardware) and self.timing.hardware not in self.knowledge.hardware

    @property
    def first(self) -> Configuration | None:
        """What every search begins with."""
        return self.default if self.default_first else None

    @cached_property
    def average(self) -> Sequence[Configuration]:
        """Candidates that other tasks know, by their mean rank there."""
        return self._take(average_order(self._quantiles))

    @cached_property
    def portfolio(self) -> Sequence[Configuration]:
        """Candidates that other tasks know, as a greedy portfolio."""
        return self._take(portfolio_order(self._quantiles))

    def portfolio_for(self, *, cost_power: float, after_default: bool, same_size: bool) -> Sequence[Configuration]:
        """A greedy portfolio in another form.

        Args:
            cost_power: what a configuration adds is divided by its cost to this power.
            after_default: it is known that the default is trained first.
            same_size: of the tasks whose base model is nearest in size alone.
        """
        ranks, quantiles = self.knowledge.ranks, self._quantiles
        if same_size:
            quantiles = quantiles[nearest_in_size(self.task, [self.knowledge.meta.task(one) for one in ranks.tasks])]
        begun = [self.candidates.index(self.first)] if after_default and self.first in self.candidates else []
        costs = ranks.costs_of(self._relative) ** cost_power
        return self._take(portfolio_order(quantiles, costs=costs, begun=begun))

    @cached_property
    def nearest(self) -> Sequence[Configuration]:
        """Candidates that other tasks know, in the order of the task with the most similar meta-features."""
        others = [self.knowledge.meta.task(name).meta_features for name in self.knowledge.ranks.tasks]
        return self._take(nearest_order(self._quantiles, feature_distances(self.task.meta_features, others)))

    def then_others(self, order: Sequence[Configuration], seed: int) -> list[Configuration]:
        """The order, and after it the rest of the pool at random."""
        shuffled = np.random.default_rng(seed).permutation(len(self.candidates))
        return list(dict.fromkeys([*order, *(self.candidates[index] for index in shuffled)]))

    @cached_property
    def _quantiles(self) -> Quantiles:
        return self.knowledge.ranks.of(self._relative)

    @cached_property
    def _relative(self) -> Sequence[Configuration]:
        return [relative_to_width(candidate, self.hidden_size) for candidate in self.candidates]

    def _take(self, order: Order) -> list[Configuration]:
        return [self.candidates[index] for index in order]


def nearest_in_size(task: Task, others: Sequence[Task]) -> list[int]:
    """Places of the tasks whose base model's number of parameters is nearest on a logarithmic scale; of all tasks where
    the table does not know it."""
    if any(SIZE not in one.meta_features for one in (task, *others)):
        return list(range(len(others)))
    distances = [abs(one.meta_features[SIZE] - task.meta_features[SIZE]) for one in others]
    return [place for place, distance in enumerate(distances) if distance <= min(distances) + _SAME_SIZE]
