"""Searches that learn nothing from what they see, or compare runs of the same length: orders and halving."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from foretune.optimizer.registry import Search
from foretune.optimizer.state import SearchState, next_run, state_of
from foretune.surrogate.protocol import CostSurrogate
from foretune.types import Configuration, Report, Task, Trial


def default_only(search: Search) -> Ordered:
    """The default alone."""
    return Ordered(search.task, [search.default], cost=search.cost)


def random(search: Search) -> Ordered:
    """The default, then candidates in a random order."""
    return random_search(search.task, search.candidates, first=search.default, cost=search.cost, seed=search.seed)


def random_search(
    task: Task,
    candidates: Sequence[Configuration],
    *,
    first: Configuration | None = None,
    cost: CostSurrogate | None = None,
    seed: int = 0,
) -> Ordered:
    """Candidates in a random order.

    Args:
        task: what is finetuned.
        candidates: the pool.
        first: trained before all others, so that all methods start from the same.
        cost: predicts seconds; it only keeps the search from starting what does not fit.
        seed: of the order.
    """
    drawn = [candidates[index] for index in np.random.default_rng(seed).permutation(len(candidates))]
    return Ordered(task, drawn if first is None else [first, *drawn], cost=cost)


class Ordered:
    """A fixed order of configurations, each trained to the end: a portfolio, a ranking, or the default alone."""

    def __init__(self, task: Task, order: Sequence[Configuration], *, cost: CostSurrogate | None = None) -> None:
        self._task = task
        self._order = list(dict.fromkeys(order))
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        return next_run(self._order, self._history, self._task, self._cost, seconds_left, pending)

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)


def successive_halving(
    task: Task,
    order: Sequence[Configuration],
    *,
    first: Configuration | None = None,
    eta: int = 2,
    cost: CostSurrogate | None = None,
) -> Halving:
    """Successive halving over slices (Jamieson & Talwalkar, 2016); with a portfolio as order, PoSH (auto-sklearn 2.0).

    With runs of T slices, the rungs of a bracket are at T, T / eta, T / eta^2, ... slices (rounded up). At every rung
    the best 1 / eta go on, and as many configurations begin as one at the top needs.
    """
    steps = rungs(task.max_fidelity, eta)
    size = eta ** (len(steps) - 1)
    return Halving(task, order, size=size, steps=steps, keep=lambda count: max(1, count // eta), first=first, cost=cost)


def one_slice_top_k(
    task: Task,
    order: Sequence[Configuration],
    *,
    first: Configuration | None = None,
    count: int = 12,
    keep: int = 3,
    cost: CostSurrogate | None = None,
) -> Halving:
    """`count` configurations get a slice each, the best `keep` of them are trained to the end, and so on."""
    steps = (1, task.max_fidelity)
    return Halving(task, order, size=count, steps=steps, keep=lambda _: keep, first=first, cost=cost)


class Halving:
    """Many configurations begin, the better part of them goes on, and so on to the end; then the next ones begin.

    Args:
        task: what is finetuned.
        order: of the configurations.
        size: of them that begin together, a bracket.
        steps: fidelities at which a bracket stops to choose, the last of which is the complete run.
        keep: how many of a bracket are left -> how many of them go on, by their best slice so far.
        first: trained to the end before all others.
        cost: predicts seconds.
    """

    def __init__(
        self,
        task: Task,
        order: Sequence[Configuration],
        *,
        size: int,
        steps: Sequence[int],
        keep: Callable[[int], int],
        first: Configuration | None = None,
        cost: CostSurrogate | None = None,
    ) -> None:
        self._task = task
        self._first = [] if first is None else [first]
        order = [one for one in dict.fromkeys(order) if one != first]
        self._brackets = [order[start : start + size] for start in range(0, len(order), size)]
        self._steps = steps
        self._keep = keep
        self._cost = cost
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        """See `Optimizer.ask`."""
        if trial := next_run(self._first, self._history, self._task, self._cost, seconds_left, pending):
            return trial
        state = state_of(self._history, pending)
        for group in self._brackets:
            for step in self._steps:
                if any(state.is_open(one, step) for one in group):
                    return next_run(group, self._history, self._task, self._cost, seconds_left, pending, fidelity=step)
                if any(state.is_awaited(one, step) for one in group):
                    break  # who goes on is not decided yet, so the next bracket begins
                group = best_of(group, self._keep(len(group)), state)  # noqa: PLW2901
        return None

    def tell(self, report: Report) -> None:
        """See `Optimizer.tell`."""
        self._history = (*self._history, report)


def rungs(max_fidelity: int, eta: int) -> tuple[int, ...]:
    """Fidelities at which a bracket of successive halving stops to choose; the last one is the complete run."""
    found = [max_fidelity]
    while found[0] > 1:
        found.insert(0, math.ceil(found[0] / eta))
    return tuple(found)


def best_of(configurations: Sequence[Configuration], count: int, state: SearchState) -> list[Configuration]:
    """The `count` of these with the best slice so far, best first; those that ended badly are not among them."""
    alive = [one for one in configurations if one.key not in state.closed]
    scores = [float(state.curves[one.key].scores.max()) for one in alive]
    return [alive[index] for index in np.argsort(-np.array(scores), kind="stable")[:count]]
