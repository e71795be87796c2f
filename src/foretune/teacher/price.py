"""Tokens of requests and answers, and their price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretune.teacher.protocol import Reply


@dataclass(frozen=True)
class Tokens:
    """Tokens of requests.

    Attributes:
        requests: number of them.
        prompt: tokens sent.
        completion: tokens received.
    """

    requests: int
    prompt: int
    completion: int


@dataclass(frozen=True)
class Price:
    """Dollars for a million tokens; None if they are not known."""

    prompt: float | None = None
    completion: float | None = None

    @property
    def known(self) -> bool:
        """Whether dollars can be named."""
        return self.prompt is not None or self.completion is not None

    def of(self, tokens: Tokens) -> float:
        """Dollars."""
        return (tokens.prompt * (self.prompt or 0.0) + tokens.completion * (self.completion or 0.0)) / 1e6


def count(replies: Sequence[Reply]) -> Tokens:
    """Tokens of answers and of their requests."""
    return Tokens(
        len(replies), sum(one.prompt_tokens for one in replies), sum(one.completion_tokens for one in replies)
    )
