"""Splits by section: all pairs of a section are in the same split."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from foretune.errors import DataError
from foretune.synthesis.questions.pairs import Pair

SPLITS = ("train", "validation", "test")
_MOST_HELD_OUT = 500
"""Pairs of a held-out split; more cost time at every evaluation and hardly add precision."""


def split_by_section(pairs: Sequence[Pair], seed: int) -> dict[str, list[Pair]]:
    """Divide pairs: a tenth each for validation and test, but at least 50 where that is no more than a fifth.

    Sections are taken in an order that depends on their names and the seed. A section that would make a held-out split
    too large is trained on.

    Args:
        pairs: with their sections.
        seed: of the order.

    Raises:
        DataError: the pairs are of fewer than three sections.
    """
    sections: dict[str, list[Pair]] = {}
    for pair in pairs:
        sections.setdefault(pair.section, []).append(pair)
    if len(sections) < len(SPLITS):
        raise DataError(
            f"the {len(pairs)} pairs are of {len(sections)} sections, and each split needs one of its own; give longer "
            "documents, or more"
        )
    target = min(max(len(pairs) // 10, min(50, len(pairs) // 5)), _MOST_HELD_OUT)
    order = sorted(sections, key=lambda name: _rank(seed, name))
    chosen: dict[str, str] = {}
    for split in ("test", "validation"):
        left = [name for name in order if name not in chosen]
        taken = _take(left, {name: len(sections[name]) for name in left}, target)
        chosen.update(dict.fromkeys(taken, split))
    parts: dict[str, list[Pair]] = {split: [] for split in SPLITS}
    for name, inside in sections.items():
        parts[chosen.get(name, "train")] += inside
    return parts


def _take(names: Sequence[str], sizes: dict[str, int], target: int) -> list[str]:
    """Sections that fit into the target, in order; the smallest if none does."""
    taken: list[str] = []
    for name in names:
        if sizes[name] <= target:
            taken.append(name)
            target -= sizes[name]
    return taken or [min(names, key=sizes.__getitem__)]


def _rank(seed: int, name: str) -> bytes:
    return blake2b(f"{seed}\x1d{name}".encode(errors="replace"), digest_size=16).digest()
