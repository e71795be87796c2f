"""The shape of a teacher's answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from foretune.teacher.ask_for import Shaped


class Kind(StrEnum):
    """Kinds of questions."""

    FACTUAL = "factual"
    WHY_HOW = "why_how"
    COMPARISON = "comparison"
    MULTI_STEP = "multi_step"
    UNANSWERABLE = "unanswerable"


# Limits for teachers that keep to a schema, so that repetitions come to an end; longer texts are read all the same.
_Written = StringConstraints(strip_whitespace=True, min_length=1)
_Question = Annotated[str, _Written, Field(json_schema_extra={"maxLength": 200})]
_Answer = Annotated[str, _Written, Field(json_schema_extra={"maxLength": 500})]


class Draft(Shaped):
    """A question and its answer."""

    kind: Kind
    question: _Question
    answer: _Answer


class Drafts(Shaped):
    """The answer to a request for questions."""

    pairs: Annotated[list[Draft], Field(json_schema_extra={"maxItems": len(Kind)})]


class Verdict(Shaped):
    """The judgement of a pair; the number is its place in the request, from 1."""

    number: int
    supported: bool
    stands_alone: bool


class Verdicts(Shaped):
    """The answer to a request for judgements."""

    verdicts: list[Verdict]
