"""What scores answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from foretune.teacher.price import Tokens


@dataclass(frozen=True)
class Asked:
    """A question, and the answer that the dataset has."""

    question: str
    reference: str


class Scorer(Protocol):
    """Scores written answers; more is better."""

    @property
    def name(self) -> str:
        """One of `foretune.metrics.METRICS`."""
        ...

    @property
    def tokens(self) -> Tokens | None:
        """Of all requests so far, each counted once; None for a scorer that asks nobody."""
        ...

    def scores(self, asked: Sequence[Asked], answers: Sequence[str]) -> list[float | None]:
        """Of each answer; None where there is no score."""
        ...

    def leads(self, asked: Sequence[Asked], answers: Sequence[str], others: Sequence[str]) -> list[float | None]:
        """By how much each answer is better than the other answer to its question; None where that is not known."""
        ...
