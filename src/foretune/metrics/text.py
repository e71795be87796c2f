"""Scores of an answer by the words that it shares with the answer of the dataset, from 0 to 1.

The library rouge-score is not used: its words are of the letters a to z only, so that an answer in Greek has none, and
it brings nltk and absl for a dozen lines.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from foretune.metrics.protocol import Asked

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def exact_match(answer: str, reference: str) -> float:
    """Whether they are equal, but for space around them."""
    return float(answer.strip() == reference.strip())


def token_f1(answer: str, reference: str) -> float:
    """The harmonic mean of precision and recall of words, as SQuAD 2 defines it (Rajpurkar et al., 2018).

    Case, ASCII punctuation and the articles `a`, `an`, `the` do not count, nor does the order of words.
    """
    ours, theirs = _squad_words(answer), _squad_words(reference)
    if not ours or not theirs:
        return float(ours == theirs)
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def rouge_l(answer: str, reference: str) -> float:
    """The harmonic mean of precision and recall of the longest common subsequence of words (Lin, 2004).

    Words are runs of letters and digits of any script, in lower case, without stemming.
    """
    ours, theirs = (re.findall(r"\w+", text.lower()) for text in (answer, reference))
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * longest_common_subsequence(ours, theirs) / (len(ours) + len(theirs))


def longest_common_subsequence(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Its length, a row of the table of dynamic programming at once (Hyyrö, 2004).

    A bit of `row` is 0 where the length grows by one at that place of `first`.
    """
    places: dict[Hashable, int] = {}
    for at, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << at
    every = row = (1 << len(first)) - 1
    for word in second:
        met = row & places.get(word, 0)
        row = (row + met | row - met) & every
    return len(first) - row.bit_count()


def _squad_words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


TEXT_METRICS: Mapping[str, Callable[[str, str], float]] = {
    "exact_match": exact_match,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
}


@dataclass(frozen=True)
class TextScorer:
    """Scores by a metric of `TEXT_METRICS`, see `foretune.metrics.protocol.Scorer`."""

    name: str
    tokens: None = None

    def scores(self, asked: Sequence[Asked], answers: Sequence[str]) -> list[float | None]:
        """Each from 0 to 1."""
        metric = TEXT_METRICS[self.name]
        return [metric(answer, one.reference) for one, answer in zip(asked, answers, strict=True)]

    def leads(self, asked: Sequence[Asked], answers: Sequence[str], others: Sequence[str]) -> list[float | None]:
        """Differences of scores."""
        metric = TEXT_METRICS[self.name]
        return [
            metric(answer, one.reference) - metric(other, one.reference)
            for one, answer, other in zip(asked, answers, others, strict=True)
        ]
