"""Sections that repeat each other's text, such as a manual as PDF and as HTML, count as one for the splits."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from foretune.documents.passages import Passage

_WORDS = 8
"""Length of a run of words that two texts hardly share by chance."""

_SHARE = 0.1
"""Of the runs of the shorter section: two sections that share so many repeat each other."""

_COMMON = 5
"""A run in more sections than this is a footer or a license, and says nothing."""


def join_sections(passages: Sequence[Passage]) -> list[Passage]:
    """The passages, where sections that share text have the name of the first of them."""
    units = list(dict.fromkeys(passage.unit for passage in passages))
    number = {unit: at for at, unit in enumerate(units)}
    runs: list[set[str]] = [set() for _ in units]
    for passage in passages:
        runs[number[passage.unit]] |= _runs(passage.text)
    pairs = _repeating(runs)
    ends = ([one for one, _ in pairs], [other for _, other in pairs])
    graph = coo_array(([1] * len(pairs), ends), shape=(len(units), len(units)))
    _, groups = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    for unit, group in zip(units, groups, strict=True):
        first.setdefault(int(group), unit)
    return [replace(passage, unit=first[int(groups[number[passage.unit]])]) for passage in passages]


def _repeating(runs: Sequence[set[str]]) -> list[tuple[int, int]]:
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for at, inside in enumerate(runs):
        for run in inside:
            owners[run].append(at)
    common = Counter(pair for those in owners.values() if len(those) <= _COMMON for pair in combinations(those, 2))
    return [
        (one, other)
        for (one, other), count in common.items()
        if count >= _SHARE * min(len(runs[one]), len(runs[other]))
    ]


def _runs(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[at : at + _WORDS]) for at in range(len(words) - _WORDS + 1)}
