"""Tests of a pair against its passage that need no teacher. Each returns whether the pair is sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from foretune.documents.passages import Passage
from foretune.synthesis.questions.drafts import Draft, Kind

_QUESTION = (10, 400)
_ANSWER = (1, 1500)
"""Least and most characters."""

_OF_QUESTION, _OF_ANSWER = 0.3, 0.5
"""Shares of the words of a question and of an answer that must stand in the passage."""

_DISTINCT = 0.6
"""Least share of different runs of three words; models that loop are far below."""

_SURE = 0.8
"""Probability from which a language counts as recognized."""

_STEM = 4
"""Letters that decide whether two words are the same: `pair` and `pairs` are."""

_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|\w+")
"""A word, or a character of a script without spaces."""

_REFERENCE = re.compile(
    r"\b(this|the|given|provided|above) (passage|text|excerpt|section|paragraph|article|author|context|snippet)s?\b"
    r"|\b(previous|other|next) (question|answer|pair)s?\b"
    r"|\b(mentioned|described|shown|listed) (above|below)\b",
    re.IGNORECASE,
)


def of_fair_length(draft: Draft, _passage: Passage) -> bool:
    """Whether question and answer are neither a fragment nor a page."""
    return all(
        least <= len(text) <= most for text, (least, most) in ((draft.question, _QUESTION), (draft.answer, _ANSWER))
    )


def to_the_point(draft: Draft, _passage: Passage) -> bool:
    """Whether question and answer say things once."""
    for text in (draft.question, draft.answer):
        words = _WORD.findall(text.lower())
        runs = [*zip(words, words[1:], words[2:], strict=False)]
        if len(set(runs)) < _DISTINCT * len(runs):
            return False
    return True


def stands_alone(draft: Draft, _passage: Passage) -> bool:
    """Whether neither part speaks of the passage; of English, the other languages are left to the teacher."""
    return not _REFERENCE.search(f"{draft.question}\n{draft.answer}")


def in_the_same_language(draft: Draft, passage: Passage) -> bool:
    """Whether the pair is in the passage's language, as far as both are certain."""
    of_passage, sure = _language(passage.text)
    of_pair, also_sure = _language(f"{draft.question} {draft.answer}")
    return of_passage == of_pair or min(sure, also_sure) < _SURE


def grounded(draft: Draft, passage: Passage) -> bool:
    """Whether many words of the question and the answer stand in the passage, and numbers there or in the question.

    A multi-step answer may have computed its numbers. An answer that nothing is known is made of other words.
    """
    known = _stems(f"{passage.where} {passage.text}")
    if _share(_stems(draft.question), known) < _OF_QUESTION:
        return False
    if draft.kind is Kind.UNANSWERABLE:
        return True
    said = _stems(draft.answer)
    numbers = {word for word in said if word.isdecimal()}
    if draft.kind is not Kind.MULTI_STEP and not numbers <= known | _stems(draft.question):
        return False
    return _share(said, known) >= _OF_ANSWER


FILTERS: Mapping[str, Callable[[Draft, Passage], bool]] = {
    "length": of_fair_length,
    "repeats itself": to_the_point,
    "refers to the passage": stands_alone,
    "other language": in_the_same_language,
    "not grounded in the passage": grounded,
}
"""By the reason for which a pair is left out, in the order in which they are tried."""


def fault_of(draft: Draft, passage: Passage) -> str | None:
    """Why a pair is left out; None if it is sound."""
    return next((reason for reason, sound in FILTERS.items() if not sound(draft, passage)), None)


def _share(words: set[str], known: set[str]) -> float:
    """Of the words that are no numbers and not short."""
    content = {word for word in words if not word.isdecimal() and (len(word) == _STEM or not word.isascii())}
    return len(content & known) / len(content) if content else 1.0


def _stems(text: str) -> set[str]:
    return {word.lower() if word.isdecimal() else word.lower()[:_STEM] for word in _WORD.findall(text)}


def _language(text: str) -> tuple[str, float]:
    return _identifier().classify(text)


@cache
def _identifier() -> Any:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
