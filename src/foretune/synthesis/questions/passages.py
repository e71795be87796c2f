"""The passages that a teacher is asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foretune.documents.passages import LEAST_CHARACTERS, Passage, cut
from foretune.documents.read import Document, read_documents
from foretune.errors import DataError
from foretune.synthesis.questions.near_duplicates import NearDuplicates
from foretune.synthesis.questions.shared_text import join_sections

_SAME = 0.8
"""Similarity from which two passages are near-duplicates."""

_LETTERS = 0.6
"""Least share of letters and digits; a table of contents has less for its dots."""


@dataclass(frozen=True)
class Material:
    """Documents, cut into passages.

    Attributes:
        documents: that were given, unreadable files included.
        passages: worth asking about, in the order in which they are asked about.
        left_out: number of other passages, by reason.
    """

    documents: Sequence[Document]
    passages: Sequence[Passage]
    left_out: Mapping[str, int]


def gather(places: Sequence[Path], *, seed: int) -> Material:
    """Read documents, and put their passages into a random order.

    Args:
        places: files and folders.
        seed: of the order.

    Raises:
        DataError: there is no passage worth asking about.
    """
    documents = read_documents(places)
    left_out, seen = Counter[str](), NearDuplicates(_SAME)
    chosen = list[Passage]()
    for passage in join_sections(cut(section for document in documents for section in document.sections)):
        if len(passage.text) < LEAST_CHARACTERS:
            left_out[f"shorter than {LEAST_CHARACTERS} characters"] += 1
        elif _share_of_letters(passage.text) < _LETTERS:
            left_out["hardly any words"] += 1
        elif not seen.add(passage.text):
            left_out["near-duplicate of an earlier passage"] += 1
        else:
            chosen.append(passage)
    if not chosen:
        raise DataError(f"no section has {LEAST_CHARACTERS} characters of text; give longer documents")
    order = np.random.default_rng(seed).permutation(len(chosen))
    return Material(documents, [chosen[at] for at in order], left_out)


def _share_of_letters(text: str) -> float:
    marks = "".join(text.split())
    return sum(map(str.isalnum, marks)) / max(len(marks), 1)
