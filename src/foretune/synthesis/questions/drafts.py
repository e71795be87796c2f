"""The shape of a teacher's answers, and the questions that a teacher is asked until its answer has that shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from foretune.teacher.protocol import Failure, Request, Teacher

ATTEMPTS = 4
"""Requests until an answer can be read."""


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


class _Shape(BaseModel):
    """Further names in an answer are not asked for, and do no harm."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"additionalProperties": False})


class Draft(_Shape):
    """A question and its answer."""

    kind: Kind
    question: _Question
    answer: _Answer


class Drafts(_Shape):
    """The answer to a request for questions."""

    pairs: Annotated[list[Draft], Field(json_schema_extra={"maxItems": len(Kind)})]


class Verdict(_Shape):
    """The judgement of a pair; the number is its place in the request, from 1."""

    number: int
    supported: bool
    stands_alone: bool


class Verdicts(_Shape):
    """The answer to a request for judgements."""

    verdicts: list[Verdict]


Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Unreadable:
    """A request that got no answer of the right shape.

    Attributes:
        reason: a fault of the last answer.
        failed: whether there was no answer at all.
    """

    reason: str
    failed: bool


def ask_for(
    shape: type[Shape], request: Request, teacher: Teacher, observe: Callable[[], None] = lambda: None
) -> Shape | Unreadable:
    """The teacher's answer in this shape, after at most `ATTEMPTS` requests.

    Args:
        shape: of the answer; its JSON schema goes along.
        request: each further one names the fault of the answer before.
        teacher: answers.
        observe: is told of each answer that cannot be read.
    """
    asked = replace(request, schema=shape.model_json_schema())
    fault = ""
    for attempt in range(1, ATTEMPTS + 1):
        reply = teacher.ask(asked)
        if isinstance(reply, Failure):
            return Unreadable(reply.message, failed=True)
        try:
            return shape.model_validate_json(_json_in(reply.text))
        except ValidationError as error:
            observe()
            fault = _fault(error)
        again = f"\n\nAttempt {attempt} was not usable: {fault}. Reply with the JSON object alone."
        asked = replace(asked, prompt=request.prompt + again)
    return Unreadable(fault, failed=False)


def _json_in(text: str) -> str:
    """The object in an answer, which models like to wrap in sentences and fences, behind their thoughts."""
    text = text.rpartition("</think>")[2]
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _fault(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
