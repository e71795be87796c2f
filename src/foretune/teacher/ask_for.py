"""Asks a teacher until its answer has the shape that is wanted; marks what is data in a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from foretune.teacher.protocol import Failure, Request, Teacher

ATTEMPTS = 4
"""Requests until an answer can be read."""


class Shaped(BaseModel):
    """Further names in an answer are not asked for, and do no harm."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"additionalProperties": False})


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


def fenced(lines: Sequence[str]) -> str:
    """Lines between two marks that depend on them, so that nothing in them can end the fence."""
    text = "\n".join(lines)
    mark = f"====={sha256(text.encode(errors='replace')).hexdigest()[:16]}====="
    return f"{mark}\n{text}\n{mark}"
