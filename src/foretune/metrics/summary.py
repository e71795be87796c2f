"""What the scores of many answers say together: their mean, which of two models is better, how two metrics agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from foretune.metrics import JUDGE
from foretune.metrics.protocol import Asked
from foretune.metrics.text import exact_match

_ROUNDING = 1e-9
RIGHT = 4
"""Grade of a judge from which an answer counts as right, as the rubric has it."""


@dataclass(frozen=True)
class Mean:
    """The mean of what is known of some values.

    Attributes:
        value: NaN if nothing is known.
        error: its standard error; None for fewer than two values.
        count: how many values are known.
    """

    value: float
    error: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Self:
        """Without the values that are None."""
        known = np.array([one for one in values if one is not None])
        if not len(known):
            return cls(math.nan, None, 0)
        error = float(known.std(ddof=1)) / math.sqrt(len(known)) if len(known) > 1 else None
        return cls(float(known.mean()), error, len(known))

    @property
    def is_a_lead(self) -> bool:
        """Whether a mean of paired differences is above zero by more than its standard error.

        The two are equal where a single pair differs, but for rounding.
        """
        return self.error is not None and self.value > self.error * (1 + _ROUNDING)


@dataclass(frozen=True)
class Agreement:
    """How often a judge and exact match say the same of an answer: the four counts.

    Attributes:
        both: are right by both.
        judge_only: by the judge alone.
        match_only: by exact match alone.
        neither: wrong by both.
    """

    both: int = 0
    judge_only: int = 0
    match_only: int = 0
    neither: int = 0

    @classmethod
    def of(cls, judged: Sequence[bool], matched: Sequence[bool]) -> Self:
        """Of the same answers."""
        pairs = list(zip(judged, matched, strict=True))
        return cls(*(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))))

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(
            self.both + other.both,
            self.judge_only + other.judge_only,
            self.match_only + other.match_only,
            self.neither + other.neither,
        )

    @property
    def count(self) -> int:
        """Answers."""
        return self.both + self.judge_only + self.match_only + self.neither

    @property
    def share(self) -> float:
        """Of answers that both say the same of."""
        return (self.both + self.neither) / self.count if self.count else math.nan

    @property
    def kappa(self) -> float:
        """Cohen's: the part of the agreement beyond chance; NaN where chance alone gives all of it."""
        if not self.count:
            return math.nan
        judged, matched = (self.both + self.judge_only) / self.count, (self.both + self.match_only) / self.count
        chance = judged * matched + (1 - judged) * (1 - matched)
        return (self.share - chance) / (1 - chance) if chance < 1 else math.nan


@dataclass(frozen=True)
class Answered:
    """The score of a model's answers to the questions of a split.

    Attributes:
        metric: its name.
        mean: of the answers that have a score.
        error: standard error of the mean; None for a single answer.
        rows: answers that have a score.
        unscored: answers that have none.
        agreement: of a judge with exact match.
    """

    metric: str
    mean: float
    error: float | None
    rows: int
    unscored: int = 0
    agreement: Agreement | None = None

    @classmethod
    def of(cls, metric: str, asked: Sequence[Asked], answers: Sequence[str], scores: Sequence[float | None]) -> Self:
        """By the scores of the answers, one at least of which is known."""
        mean, agreement = Mean.of(scores), None
        if metric == JUDGE:
            triples = zip(scores, asked, answers, strict=True)
            known = [(score >= RIGHT, exact_match(said, one.reference) > 0) for score, one, said in triples if score]
            agreement = Agreement.of([judged for judged, _ in known], [matched for _, matched in known])
        return cls(metric, mean.value, mean.error, mean.count, len(scores) - mean.count, agreement)
