"""Finds texts that are almost the same as an earlier one: MinHash of character sequences."""

from __future__ import annotations

import re
from collections.abc import Hashable

from datasketch import MinHash, MinHashLSH

_LENGTH = 4
"""Characters of a sequence."""

_PERMUTATIONS = 128


class NearDuplicates:
    """The texts that were new so far."""

    def __init__(self, similarity: float) -> None:
        """Begin with none.

        Args:
            similarity: share of common sequences (Jaccard) from which two texts are the same.
        """
        self._index = MinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS)
        self._similarity = similarity
        self._hashes: dict[Hashable, MinHash] = {}

    def add(self, text: str) -> bool:
        """Whether the text is new; then it is kept in mind."""
        plain = " ".join(re.findall(r"\w+", text.lower()))
        made = MinHash(num_perm=_PERMUTATIONS)
        made.update_batch({plain[at : at + _LENGTH].encode() for at in range(max(len(plain) - _LENGTH + 1, 1))})
        # The index finds candidates; it errs on both sides of the threshold.
        if any(made.jaccard(self._hashes[at]) >= self._similarity for at in self._index.query(made)):
            return False
        self._index.insert(len(self._hashes), made)
        self._hashes[len(self._hashes)] = made
        return True
