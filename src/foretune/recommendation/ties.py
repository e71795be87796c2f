"""Which recommendations can be told apart: ranks, with ties.

Predictions of one task err together: all too low, or all too high. So it is not intervals that are compared, but
differences. In each case (the task turns out like this or that earlier one) two configurations differ by something; the
error of their predicted difference is the standard deviation of that over the cases,

    sqrt(sum_k w_k (d_k - sum_j w_j d_j)^2),    sum_k w_k = 1

Whatever differs from the best of a group by no more than that error belongs to the group. The quickest of a group come
first; times that differ by less than a fifth are of no account, and leave the best prediction in front.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foretune.recommendation.advice import Advice, Recommendation

_MATTERS = 1.2
"""Ratio of two times that is worth a change of order."""


def ranked(advice: Advice) -> Advice:
    """The same recommendations with ranks; those of one rank in the order of their seconds, as far as known.

    Guesses stay as they are, all of one rank.

    Args:
        advice: best predicted score first.
    """
    if advice.is_guess:
        return advice
    weights = np.array(advice.case_weights) / (sum(advice.case_weights) or 1.0)
    groups: list[list[Recommendation]] = []
    for one in advice.recommendations:
        if groups and _is_tied(groups[-1][0], one, weights):
            groups[-1].append(one)
        else:
            groups.append([one])
    rows: list[Recommendation] = []
    for group in groups:
        rank = len(rows) + 1
        rows += [replace(one, rank=rank) for one in _quickest_first(group)]
    return replace(advice, recommendations=tuple(rows))


def tied(recommendations: Sequence[Recommendation]) -> bool:
    """Whether two of them share a rank."""
    return len({one.rank for one in recommendations}) < len(recommendations)


def _seconds(one: Recommendation) -> float:
    return math.inf if one.seconds is None else one.seconds


def _quickest_first(group: Sequence[Recommendation]) -> list[Recommendation]:
    quickest = min(_seconds(one) for one in group)

    def slowness(one: Recommendation) -> float:
        """How many times a fifth slower than the quickest, as a whole number."""
        if one.seconds is None:
            return math.inf
        return math.floor(math.log(one.seconds / quickest) / math.log(_MATTERS))

    return sorted(group, key=slowness)


def _is_tied(best: Recommendation, other: Recommendation, weights: np.ndarray) -> bool:
    if best.score is None or other.score is None:
        return True
    return abs(other.score.middle - best.score.middle) <= _error(best, other, weights)


def _error(best: Recommendation, other: Recommendation, weights: np.ndarray) -> float:
    """Of the difference between two predicted scores; without cases, as if they erred independently."""
    if best.cases and other.cases:
        apart = np.array(best.cases) - np.array(other.cases)
        return float(np.sqrt(weights @ (apart - weights @ apart) ** 2))
    halves = [(one.score.high - one.score.low) / 2 for one in (best, other) if one.score]
    return math.hypot(*halves)
