"""Tokens of a run, estimated before it."""

from __future__ import annotations

from collections.abc import Sequence

from foretune.documents.passages import Passage
from foretune.synthesis.questions.drafts import Draft, Kind
from foretune.synthesis.questions.make import EXPECTED
from foretune.synthesis.questions.prompts import PAIRS, questions_request, verdicts_request
from foretune.teacher.price import Tokens
from foretune.teacher.protocol import Request, estimate_tokens

_PAIR_TOKENS, _VERDICT_TOKENS = 80, 20
"""Of a pair in JSON, and of its judgement, about."""


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


def _size(request: Request) -> int:
    return estimate_tokens(request.system + request.prompt)
