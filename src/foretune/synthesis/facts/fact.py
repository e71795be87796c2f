"""Facts that are asked in several ways, and their split by wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretune.errors import DataError
from foretune.synthesis.write import Pair, write_splits

Splits = dict[str, list[Pair]]
"""Rows of `train`, `validation` and `test`."""


@dataclass(frozen=True)
class Fact:
    """One answer, and the questions that ask for it in different words.

    Attributes:
        topic: for instance `currency`.
        prompts: at least three, all different.
        completion: the short answer.
    """

    topic: str
    prompts: tuple[str, ...]
    completion: str

    def __post_init__(self) -> None:
        if len(set(self.prompts)) != len(self.prompts) or len(self.prompts) < 3 or not self.completion.strip():
            raise DataError(f"a fact needs an answer and three or more different prompts, got {self}")


def asked(topic: str, subject: str | Sequence[str], phrasings: Sequence[str], answer: str) -> Fact:
    """The fact about a subject, or several, which stand in the `{}` of every phrasing."""
    subjects = (subject,) if isinstance(subject, str) else subject
    return Fact(topic, tuple(phrasing.format(*subjects) for phrasing in phrasings), answer)


def write_facts(facts: Sequence[Fact], directory: Path, *, seed: int, card: Mapping[str, Any]) -> Path:
    """Write facts as a folder of splits, with one question of each in validation, one in test, and the rest in train.

    Args:
        facts: no two may share a prompt.
        directory: see `foretune.synthesis.facts.demo.make_facts`.
        seed: see `foretune.synthesis.facts.demo.make_facts`.
        card: what to say about the dataset, beside its row counts and the seed.

    Returns:
        The directory.
    """
    return write_splits(split_by_wording(facts, np.random.default_rng(seed)), directory, seed=seed, card=card)


def split_by_wording(facts: Sequence[Fact], rng: np.random.Generator) -> Splits:
    """One question of each fact for validation, one for the test, the others for training.

    Raises:
        DataError: if two facts share a prompt.
    """
    rows: Splits = {"train": [], "validation": [], "test": []}
    seen: set[str] = set()
    for fact in facts:
        if not seen.isdisjoint(fact.prompts):
            raise DataError(f"two facts share a prompt, the second is {fact}; word one of them differently")
        seen.update(fact.prompts)
        # Which phrasing is held out differs between facts, so every phrasing is trained on with some fact.
        for place, at in enumerate(rng.permutation(len(fact.prompts))):
            split = ("validation", "test")[place] if place < 2 else "train"
            rows[split].append((fact.prompts[at], fact.completion))
    return {split: [pairs[at] for at in rng.permutation(len(pairs))] for split, pairs in rows.items()}
