"""What all exercises share: the register, distinct prompts, splits, wrong labels, the card."""

from __future__ import annotations

import platform
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import isgeneratorfunction
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from foretune.errors import DataError
from foretune.synthesis.write import Pair, write_splits

HELD_OUT = 200
"""Rows of validation, and of test, where there are enough distinct prompts."""
_DRAWS = 20
"""Pairs drawn for each one wanted, before a generator counts as exhausted."""

Generator = Callable[[np.random.Generator], Iterator[Pair]]
"""Yields pairs without end; the same prompt may come again, with the same completion."""
Function = TypeVar("Function", bound=Callable[[np.random.Generator], Any])


@dataclass(frozen=True)
class Exercise:
    """A dataset that can be made.

    Attributes:
        name: for instance `to_roman`.
        family: exercises that are alike share one.
        kind: what is asked of a model, in a few words.
        generate: prompts and completions.
        wrong_share: of the training completions, replaced by a wrong one; validation and test stay clean.
        license_name: of what the rows consist of.
    """

    name: str
    family: str
    kind: str
    generate: Generator
    wrong_share: float
    license_name: str


EXERCISES: dict[str, Exercise] = {}
"""Every exercise, by name."""


def exercise(
    kind: str, *, wrong_share: float = 0.0, license_name: str = "Apache-2.0"
) -> Callable[[Function], Function]:
    """Enter a function into `EXERCISES` under its name, in the family that its module is named after.

    It draws a pair, or, if something has to be made ready for all pairs, is a `Generator`. See `Exercise` for the
    arguments.
    """

    def register(function: Function) -> Function:
        name, family = function.__name__, function.__module__.rpartition(".")[2]
        generate = function if isgeneratorfunction(function) else partial(_without_end, function)
        EXERCISES[name] = Exercise(name, family, kind, generate, wrong_share, license_name)
        return function

    return register


def _without_end(draw: Callable[[np.random.Generator], Pair], rng: np.random.Generator) -> Iterator[Pair]:
    while True:
        yield draw(rng)


def choose(names: Sequence[str] = ()) -> list[Exercise]:
    """Exercises by name, all of them without a name.

    Raises:
        DataError: if there is no exercise of a name.
    """
    unknown = [name for name in names if name not in EXERCISES]
    if unknown:
        raise DataError(f"there is no generated dataset {', '.join(unknown)}; choose from {', '.join(EXERCISES)}")
    return [EXERCISES[name] for name in dict.fromkeys(names or EXERCISES)]


def make_exercise(made: Exercise, directory: Path, *, train_rows: int = 2000, seed: int = 0) -> dict[str, int]:
    """Write the dataset of one exercise.

    Args:
        made: for instance one of `EXERCISES`.
        directory: gets `train.jsonl`, `validation.jsonl`, `test.jsonl` and `card.json`; an earlier dataset of this kind
            in it is replaced.
        train_rows: at most so many; there are fewer where a generator knows fewer prompts.
        seed: at least 0; each exercise draws from a stream of its own, so it is the same whatever else is made.

    Returns:
        Rows of each split.

    Raises:
        DataError: if `train_rows` is not positive, or the directory holds something else.
    """
    if train_rows < 1:
        raise DataError(f"{train_rows} training rows were asked for; ask for at least 1")
    _check_free(directory)
    rng = np.random.default_rng([seed, *made.name.encode()])
    rows = _split(_distinct(made, train_rows + 2 * HELD_OUT, rng), train_rows)
    rows["train"] = _with_wrong(rows["train"], made.wrong_share, rng)
    write_splits(rows, directory, seed=seed, card=_card(made))
    return {split: len(pairs) for split, pairs in rows.items()}


def _check_free(directory: Path) -> None:
    blocked = any(place.is_file() for place in (directory, *directory.parents))
    foreign = directory.is_dir() and any(directory.iterdir()) and not (directory / "card.json").is_file()
    if blocked or foreign:
        raise DataError(
            f"{directory}: a file or a folder without card.json is in the way; move it, or write to another folder"
        )


def _distinct(made: Exercise, wanted: int, rng: np.random.Generator) -> list[Pair]:
    """The first `wanted` prompts that differ, or as many as there are, in the order they were drawn."""
    found: dict[str, str] = {}
    for prompt, completion in islice(made.generate(rng), _DRAWS * wanted):
        if found.setdefault(prompt, completion) != completion:
            raise DataError(f"{made.name} answers {prompt!r} with {found[prompt]!r} and {completion!r}; mend it")
        if len(found) == wanted:
            break
    return list(found.items())


def _split(pairs: Sequence[Pair], train_rows: int) -> dict[str, list[Pair]]:
    enough = len(pairs) == train_rows + 2 * HELD_OUT
    held = HELD_OUT if enough else min(HELD_OUT, len(pairs) // 5)
    return {
        "train": list(pairs[2 * held :][:train_rows]),
        "validation": list(pairs[:held]),
        "test": list(pairs[held : 2 * held]),
    }


def _with_wrong(pairs: Sequence[Pair], share: float, rng: np.random.Generator) -> list[Pair]:
    """The pairs, a share of them with another completion that occurs among them."""
    labels = sorted({completion for _, completion in pairs})
    rows = list(pairs)
    count = round(share * len(rows)) if len(labels) > 1 else 0
    for at in rng.permutation(len(rows))[:count]:
        prompt, right = rows[at]
        step = 1 + int(rng.integers(len(labels) - 1))
        rows[at] = (prompt, labels[(labels.index(right) + step) % len(labels)])
    return rows


def _card(made: Exercise) -> Mapping[str, object]:
    return {
        "name": made.name,
        "family": made.family,
        "kind": made.kind,
        "metric": "exact_match",
        "license": made.license_name,
        "wrong_share": made.wrong_share,
        "made_with": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "unicode": unicodedata.ucd_3_2_0.unidata_version,
        },
    }
