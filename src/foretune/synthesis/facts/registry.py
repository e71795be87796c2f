"""What all datasets of facts share: the register, splits by question, the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foretune.errors import DataError
from foretune.synthesis.facts.fact import Splits
from foretune.synthesis.facts.libraries import versions
from foretune.synthesis.write import Pair, write_splits

HELD_OUT = 80
"""Rows of validation, and of test, where they are drawn from all questions."""
KNOWN_FACTS = "the facts that were trained on, in other words"
NEW_QUESTIONS = "new questions about the same things"
CLDR: Mapping[str, Any] = {
    "source": "Unicode CLDR, through Babel",
    "license_name": "Unicode-3.0",
    "libraries": ("babel",),
}

Generator = Callable[[np.random.Generator], Splits]


@dataclass(frozen=True)
class FactDataset:
    """A dataset of facts that can be made.

    Attributes:
        name: for instance `currency_codes`.
        family: datasets that are alike, or that know the same facts, share one.
        kind: what is asked of a model, in a few words.
        test_asks: what a finetuned model must have learned to answer the test.
        source: where the facts come from, in words.
        license_name: of the facts.
        libraries: that they come from, see `foretune.synthesis.facts.libraries.versions`.
        generate: the rows of all splits.
    """

    name: str
    family: str
    kind: str
    test_asks: str
    source: str
    license_name: str
    libraries: tuple[str, ...]
    generate: Generator


DATASETS: dict[str, FactDataset] = {}
"""Every dataset of facts, by name."""


def dataset(
    *,
    family: str,
    kind: str,
    test_asks: str,
    source: str,
    license_name: str,
    libraries: tuple[str, ...] = (),
) -> Callable[[Generator], Generator]:
    """Enter a generator into `DATASETS` under its name; see `FactDataset` for the arguments."""

    def register(generate: Generator) -> Generator:
        name = generate.__name__
        DATASETS[name] = FactDataset(name, family, kind, test_asks, source, license_name, libraries, generate)
        return generate

    return register


def make_dataset(name: str, directory: Path, *, seed: int = 0) -> dict[str, int]:
    """Write a dataset of facts.

    Args:
        name: one of `DATASETS`.
        directory: gets `train.jsonl`, `validation.jsonl`, `test.jsonl` and `card.json`; made if it is not there.
        seed: at least 0; decides which questions go where, and the order of rows.

    Returns:
        Rows of each split.

    Raises:
        DataError: if there is no dataset of that name, or its library is not installed.
    """
    if name not in DATASETS:
        raise DataError(f"there is no dataset of facts {name}; choose from {', '.join(DATASETS)}")
    made = DATASETS[name]
    rows = made.generate(np.random.default_rng([seed, *name.encode()]))
    write_splits(rows, directory, seed=seed, card=_card(made))
    return {split: len(pairs) for split, pairs in rows.items()}


def split_by_question(pairs: Sequence[Pair], rng: np.random.Generator) -> Splits:
    """Draw `HELD_OUT` questions for validation, as many for the test, and leave the others for training.

    Raises:
        DataError: if a question comes twice.
    """
    if len({prompt for prompt, _ in pairs}) < len(pairs):
        raise DataError("a question comes twice, and could be trained on and tested; drop one of the two")
    mixed = [pairs[at] for at in rng.permutation(len(pairs))]
    return {"train": mixed[2 * HELD_OUT :], "validation": mixed[:HELD_OUT], "test": mixed[HELD_OUT : 2 * HELD_OUT]}


def _card(made: FactDataset) -> dict[str, object]:
    return {
        "name": made.name,
        "family": made.family,
        "kind": made.kind,
        "test_asks": made.test_asks,
        "metric": "exact_match",
        "source": made.source,
        "license": made.license_name,
        "made_with": versions(("python", "numpy", *made.libraries)),
    }
