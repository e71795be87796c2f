"""Tokens of a run and their price: estimated before, counted after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretune.documents.passages import Passage
from foretune.synthesis.questions.drafts import Draft, Kind
from foretune.synthesis.questions.make import EXPECTED
from foretune.synthesis.questions.prompts import PAIRS, questions_request, verdicts_request
from foretune.teacher.protocol import Reply, Request, estimate_tokens

_PAIR_TOKENS, _VERDICT_TOKENS = 80, 20
"""Of a pair in JSON, and of its judgement, about."""


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


def estimate(passages: Sequence[Passage], rows: int) -> Tokens:
    """Tokens for so many pairs, if each passage gives as many as most teachers' do and no answer is unreadable.

    Args:
        passages: that are asked about; some of them again where they are few.
        rows: pairs that are wanted.
    """
    if not passages:
        return Tokens(0, 0, 0)
    asked = -(-rows // EXPECTED)
    drafts = [Draft(kind=Kind.FACTUAL, question="?" * 80, answer="." * 160)] * PAIRS
    sent = [_size(questions_request(passage)) + _size(verdicts_request(passage, drafts)) for passage in passages]
    return Tokens(2 * asked, round(asked * sum(sent) / len(sent)), asked * PAIRS * (_PAIR_TOKENS + _VERDICT_TOKENS))


def count(replies: Sequence[Reply]) -> Tokens:
    """Tokens of answers and of their requests."""
    return Tokens(
        len(replies), sum(one.prompt_tokens for one in replies), sum(one.completion_tokens for one in replies)
    )


def _size(request: Request) -> int:
    return estimate_tokens(request.system + request.prompt)
