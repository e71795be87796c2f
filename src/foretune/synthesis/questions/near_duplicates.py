"""Finds texts that are almost the same as an earlier one: MinHash of character sequences.

Short questions that differ in a single name are almost the same text. A question with another name and another answer
is new all the same: see `is_another`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass

from datasketch import MinHash, MinHashLSH

_LENGTH = 4
"""Characters of a sequence."""

_PERMUTATIONS = 128

_SAME_ANSWER = 0.5
"""Share of the words of the shorter answer from which two answers say the same."""

_EMPTY = frozenset(
    """
    a about according all also an and any are as at be been by can could did do does for from give had has have how if
    in into is it its kind many may mean much must name of on one or out please say should so some state such tell that
    the their them then there these they this to was were what when where which who whom whose why will with would you
    your
    """.split()  # noqa: SIM905 (a line for each word would be longer than the rest of the file)
)
"""Words of a question, and of an answer, that say nothing of what it is about."""


@dataclass(frozen=True)
class _Kept:
    """A text that was new, its hash, and its answer if it is a question."""

    text: str
    answer: str | None
    hash: MinHash


class NearDuplicates:
    """The texts that were new so far."""

    def __init__(self, similarity: float) -> None:
        """Begin with none.

        Args:
            similarity: share of common sequences (Jaccard) from which two texts are the same.
        """
        self._index = MinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS)
        self._similarity = similarity
        self._kept: dict[Hashable, _Kept] = {}

    def add(self, text: str, answer: str | None = None) -> bool:
        """Whether the text is new; then it is kept in mind.

        Args:
            text: to compare.
            answer: to it, if it is a question; almost the same text is new with another name and another answer.
        """
        plain = " ".join(re.findall(r"\w+", text.lower()))
        made = MinHash(num_perm=_PERMUTATIONS)
        made.update_batch({plain[at : at + _LENGTH].encode() for at in range(max(len(plain) - _LENGTH + 1, 1))})
        new = _Kept(text, answer, made)
        # The index finds candidates; it errs on both sides of the threshold.
        if any(self._is_same(new, self._kept[at]) for at in self._index.query(made)):
            return False
        self._index.insert(len(self._kept), made)
        self._kept[len(self._kept)] = new
        return True

    def _is_same(self, new: _Kept, old: _Kept) -> bool:
        if new.hash.jaccard(old.hash) < self._similarity:
            return False
        if new.answer is None or old.answer is None:
            return True
        return not is_another((new.text, new.answer), (old.text, old.answer))


def is_another(pair: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two questions of almost the same text ask for different things, by their words and their answers.

    The questions must differ in a word other than `the` and its like, and the answers in most of the words, or in a
    number, that neither question has: an answer in other words repeats what it is about.

    Args:
        pair: a question and its answer.
        other: likewise.
    """
    (asked, said), (asked_before, said_before) = (tuple(map(_words, one)) for one in (pair, other))
    if asked == asked_before:
        return False
    known = asked | asked_before
    new, old = said - known, said_before - known
    if _numbers(new) != _numbers(old):
        return True
    return len(new & old) < _SAME_ANSWER * min(len(new), len(old))


def _words(text: str) -> frozenset[str]:
    """Without endings, so that `limits` and `limited` are the same."""
    found = re.findall(r"\w+", text.lower())
    return frozenset(re.sub(r"(?<=\w{3})(?:ing|ed|es|e|s)$", "", word) for word in found if word not in _EMPTY)


def _numbers(words: frozenset[str]) -> set[str]:
    return {word for word in words if word[0].isdecimal()}
