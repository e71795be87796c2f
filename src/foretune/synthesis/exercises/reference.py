"""What programmers look up: each entry is asked in several ways, so that it was mostly trained on in other words."""

from __future__ import annotations

from collections.abc import Iterator
from html.entities import html5
from http import HTTPStatus

import numpy as np

from foretune.synthesis.exercises.registry import exercise
from foretune.synthesis.exercises.words import between, listed, pick
from foretune.synthesis.write import Pair

_STATUS_QUESTIONS = (
    "What does HTTP status {} mean?",
    "HTTP {}:",
    "The server answered {}. In words?",
    "Name of status code {}?",
    "Status {} stands for",
    "I got a {} error. Which one is that?",
    "Which message comes with {}?",
    "Say {} in words.",
)
_ENTITY_QUESTIONS = ("HTML entity for {}?", "How is {} written in HTML?", "Escape {} by name.", "{} in HTML is")
# Those that every Python from 3.11 on has in the same words.
_NAMED = listed(
    "CONTINUE OK CREATED ACCEPTED NO_CONTENT RESET_CONTENT PARTIAL_CONTENT MOVED_PERMANENTLY FOUND "
    "SEE_OTHER NOT_MODIFIED USE_PROXY TEMPORARY_REDIRECT PERMANENT_REDIRECT BAD_REQUEST UNAUTHORIZED "
    "PAYMENT_REQUIRED FORBIDDEN NOT_FOUND METHOD_NOT_ALLOWED NOT_ACCEPTABLE REQUEST_TIMEOUT CONFLICT "
    "GONE LENGTH_REQUIRED PRECONDITION_FAILED UNSUPPORTED_MEDIA_TYPE EXPECTATION_FAILED LOCKED "
    "FAILED_DEPENDENCY UPGRADE_REQUIRED PRECONDITION_REQUIRED TOO_MANY_REQUESTS NOT_IMPLEMENTED "
    "BAD_GATEWAY SERVICE_UNAVAILABLE GATEWAY_TIMEOUT LOOP_DETECTED NOT_EXTENDED"
)
_STATUS = {int(HTTPStatus[name]): HTTPStatus[name].phrase.lower() for name in _NAMED}


@exercise("memorized facts")
def http_status(rng: np.random.Generator) -> Pair:
    """Meanings of status codes of HTTP."""
    codes = tuple(_STATUS)
    code = pick(rng, codes)
    return pick(rng, _STATUS_QUESTIONS).format(code), _STATUS[code]


@exercise("memorized facts")
def html_entities(rng: np.random.Generator) -> Iterator[Pair]:
    """Names of the characters of Latin-1 in HTML, the shortest where there are several."""
    names: dict[str, str] = {}
    for name in sorted((name for name in html5 if name.endswith(";")), key=lambda name: (len(name), name)):
        sign = html5[name]
        if len(sign) == 1 and 0xA1 <= ord(sign) <= 0xFF:
            names.setdefault(sign, f"&{name}")
    signs = sorted(names)
    while True:
        sign = pick(rng, signs)
        yield pick(rng, _ENTITY_QUESTIONS).format(sign), names[sign]


@exercise("rewriting by rules")
def hex_color(rng: np.random.Generator) -> Pair:
    """Colors as three numbers from the way that style sheets write them."""
    parts = [17 * between(rng, 0, 15) for _ in range(3)]
    return f"Red, green, blue of #{''.join(f'{part:02x}' for part in parts)}?", " ".join(map(str, parts))
