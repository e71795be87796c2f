"""Writes a dataset as every maker of one does: a file for each split and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Pair = tuple[str, str]
"""Prompt and completion."""


def write_splits(rows: Mapping[str, Sequence[Pair]], directory: Path, *, seed: int, card: Mapping[str, Any]) -> Path:
    """Write `train.jsonl` and its like, one row a line, and `card.json`.

    Args:
        rows: of each split, by its name.
        directory: made if it is not there; files of the same names are replaced.
        seed: that the rows were made with, for the card.
        card: what to say about the dataset, beside its row counts and the seed.

    Returns:
        The directory.
    """
    named = {split: [{"prompt": prompt, "completion": said} for prompt, said in pairs] for split, pairs in rows.items()}
    return write_rows(named, directory, seed=seed, card=card)


def write_rows(
    rows: Mapping[str, Sequence[Mapping[str, str]]], directory: Path, *, seed: int, card: Mapping[str, Any]
) -> Path:
    """Write rows with further columns, see `write_splits`."""
    directory.mkdir(parents=True, exist_ok=True)
    for split, inside in rows.items():
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in inside]
        (directory / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
    full = {**card, "seed": seed, "rows": {split: len(inside) for split, inside in rows.items()}}
    (directory / "card.json").write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8", newline="\n")
    return directory
