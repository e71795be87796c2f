"""Average ranks, and groups of methods that tests on the tasks cannot tell apart.

With r the regret (1 = median) of each method on each task for one budget, seeds averaged, each pair of methods has the
p-value of Wilcoxon's signed-rank test of their differences; where all differences are 0 it is 1. Of the P pairs, sorted
by p, Holm's correction makes of the k-th

    max over j <= k of (P - j + 1) p_j,    at most 1.

A group is a longest run of methods, in the order of their average ranks, without a pair whose corrected p-value is
below 0.05 (Demsar, "Statistical comparisons of classifiers over multiple data sets", 2006; Benavoli et al., "Should we
really use post-hoc tests based on mean-ranks?", 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

LEVEL = 0.05
_DECIMALS = 9


@dataclass(frozen=True)
class Ranking:
    """The methods at one budget.

    Attributes:
        budget: as it was written.
        methods: the least average rank first.
        ranks: average over tasks; 1 is the best, ties share.
        regrets: mean over tasks, 1 = median.
        groups: places of the first and the last method of each, counted from 0; of two methods or more.
    """

    budget: str
    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    regrets: tuple[float, ...]
    groups: tuple[tuple[int, int], ...]

    @property
    def beside_first(self) -> int:
        """The number of methods that are not told apart from the first one."""
        return max((last for first, last in self.groups if first == 0), default=0)


def ranking_of(budget: str, regrets: Mapping[str, Mapping[str, float]]) -> Ranking:
    """Rank methods at one budget.

    Args:
        budget: as it was written.
        regrets: method -> task -> regret, seeds averaged; the tasks in the same order for all methods.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 (a second that only a comparison should cost)

    values = np.array([list(one.values()) for one in regrets.values()]).round(_DECIMALS)
    ranks = rankdata(values, axis=0).mean(axis=1)
    order = np.argsort(ranks, kind="stable")
    names = list(regrets)
    return Ranking(
        budget,
        tuple(names[at] for at in order),
        tuple(ranks[order].tolist()),
        tuple(values[order].mean(axis=1).tolist()),
        groups_of(told_apart(values[order])),
    )


def told_apart(values: Float[np.ndarray, "K M"]) -> Bool[np.ndarray, "K K"]:
    """Whether the test tells each pair of methods apart, from their regrets on the tasks."""
    pairs = list(combinations(range(len(values)), 2))
    found = _tested([values[one] - values[other] for one, other in pairs])
    apart = np.zeros((len(values), len(values)), dtype=bool)
    for (one, other), corrected in zip(pairs, found, strict=True):
        apart[one, other] = apart[other, one] = corrected < LEVEL
    return apart


def p_values(own: Float[np.ndarray, " M"], others: Float[np.ndarray, "K M"]) -> Float[np.ndarray, " K"]:
    """Of a method against each of the others, from their regrets on the tasks; corrected for K tests."""
    return _tested(list(own - others))


def _tested(differences: Sequence[Float[np.ndarray, " M"]]) -> Float[np.ndarray, " P"]:
    from scipy.stats import wilcoxon  # noqa: PLC0415 (as above)

    # The test leaves zeros out. Beside them, SciPy would go through all signs of up to 13 differences, for seconds.
    rounded = [one.round(_DECIMALS) for one in differences]
    apart = [one[one != 0] for one in rounded]
    # SciPy makes the class of the result as it runs, so that pyright cannot know it.
    found = [wilcoxon(one) if len(one) else None for one in apart]
    return holm(np.array([1.0 if one is None else float(one.pvalue) for one in found]))  # pyright: ignore[reportAttributeAccessIssue]


def holm(found: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """Holm's correction of p-values."""
    order = np.argsort(found)
    corrected = np.empty(len(found))
    corrected[order] = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)).clip(max=1.0)
    return corrected


def groups_of(apart: Bool[np.ndarray, "K K"]) -> tuple[tuple[int, int], ...]:
    """First and last places of the longest runs without a pair that is told apart; none within another."""
    found: list[tuple[int, int]] = []
    for first in range(len(apart)):
        last = first
        while last + 1 < len(apart) and not apart[first : last + 1, last + 1].any():
            last += 1
        if last > max([first, *(end for _, end in found)]):
            found.append((first, last))
    return tuple(found)
