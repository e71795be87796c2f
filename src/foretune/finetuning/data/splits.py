"""Makes three disjoint splits: no prompt lies in two of them, and the same source and seed give the same rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

from foretune.errors import DataError
from foretune.finetuning.data.columns import check_columns, parse_columns
from foretune.finetuning.data.examples import Example, Splits, prompt_and_completion
from foretune.finetuning.data.formats import COLUMN_NAMES
from foretune.finetuning.data.reading import read_examples
from foretune.finetuning.data.sources import read_source
from foretune.request import DataRequest

_LEAST_PROMPTS = 10
"""Distinct prompts that are needed before a split is made: with fewer, the user should give the splits."""
_MOST_HELD_OUT = 500
"""Rows in a split that is made here: more cost time at every evaluation and hardly add precision."""


def load_splits(
    source: str | Path,
    *,
    seed: int = 0,
    train_rows: int | None = None,
    validation_rows: int | None = None,
    test_rows: int | None = None,
    columns: str | None = None,
    last_turn_only: bool = False,
    skip_bad_rows: bool = False,
) -> Splits:
    """Read a dataset and complete its splits.

    Splits that the source does not have are taken from its training rows by a hash of the prompt: a tenth of the rows
    each, but at least 50 where that is no more than a fifth, and at most 500.

    Args:
        source: a JSONL, JSON, CSV, TSV or Parquet file (but the last also with `.gz`), a folder with
            train/validation/test files, or a hub dataset.
        seed: decides the splits that are made, and the subsets.
        train_rows: size of a subset of the training split, taken after the splits were made; a smaller subset is
            contained in a larger one. None for all rows.
        validation_rows: most rows of the validation split, a subset taken in the same way.
        test_rows: most rows of the test split.
        columns: which columns to take, such as `prompt=Q,completion=A`; None for those of a known convention.
        last_turn_only: learn the last answer of a conversation alone instead of all of them.
        skip_bad_rows: leave out the rows that cannot be used, and say how many they were.

    Raises:
        DataError: if the source cannot be read, splits overlap, or there are too few rows.
    """
    sizes = {"train": train_rows, "validation": validation_rows, "test": test_rows}
    for split, count in sizes.items():
        if count is not None and count < 1:
            raise DataError(f"{split}_rows is {count}; ask for at least 1 row, or leave it out for all rows")
    found = read_source(source)
    renamed = parse_columns(columns, COLUMN_NAMES)
    check_columns(renamed, [row for rows in found.rows.values() for row in rows], found.name)
    given, said = read_examples(found, renamed, last_turn_only=last_turn_only, skip_bad_rows=skip_bad_rows)
    _check_disjoint(given)
    missing = [split for split in ("test", "validation") if split not in given]
    parts = {**given, **_carve(given["train"], missing, seed, found.name)}
    notes = [*found.notes, *said, *_repetitions(parts), *_carved(parts, missing, seed)]
    if train_rows is not None and train_rows > len(parts["train"]):
        notes.append(f"{train_rows} training rows were asked for, all {len(parts['train'])} there are were taken")
    parts = {split: _subset(parts[split], count, seed) if count else parts[split] for split, count in sizes.items()}
    three = (tuple(parts[split]) for split in ("train", "validation", "test"))
    return Splits(found.name, *three, notes=tuple(notes), skip_bad_rows=skip_bad_rows)


def load_alone(
    source: str | Path,
    *,
    rows: int | None = None,
    without: Collection[str] = (),
    columns: str | None = None,
    last_turn_only: bool = False,
    skip_bad_rows: bool = False,
) -> tuple[str, list[Example], list[str]]:
    """Read a dataset that is not to be split: its test rows, where it has none its validation or training rows.

    Args:
        source: see `load_splits`.
        rows: at most so many, the same in every search; None for all.
        without: prompts (`Example.prompt_key`) whose rows are left out.
        columns: see `load_splits`; left aside where the dataset does not have all of them.
        last_turn_only: see `load_splits`.
        skip_bad_rows: see `load_splits`.

    Returns:
        Its name, its examples, and notes.

    Raises:
        DataError: if the source cannot be read, or no row is left.
    """
    found = read_source(source)
    split = next(name for name in ("test", "validation", "train") if found.rows.get(name))
    there = {str(name) for row in found.rows[split] for name in row.values}
    renamed = parse_columns(columns, COLUMN_NAMES)
    read, said = read_examples(
        replace(found, rows={"train": found.rows[split]}),
        renamed if there.issuperset(renamed.values()) else {},
        last_turn_only=last_turn_only,
        skip_bad_rows=skip_bad_rows,
    )
    examples = [one for one in read["train"] if one.prompt_key not in without]
    notes = [*said, *([f"its {split} split is taken"] if len(found.rows) > 1 else [])]
    if not examples:
        message = f"{found.name}: the training data has the prompts of all {len(read['train'])} rows; give other rows"
        raise DataError(message)
    if left_out := len(read["train"]) - len(examples):
        notes.append(f"{left_out} of {len(read['train'])} rows are left out: the training data has their prompts, too")
    if rows is not None and len(examples) > rows:
        notes.append(f"{rows} of {len(examples)} rows are scored, the same in every search")
        examples = _subset(examples, rows, 0)
    return found.name, examples, notes


def read_splits(request: DataRequest) -> Splits:
    """The splits that a request asks for, see `load_splits`."""
    return load_splits(
        request.source,
        seed=request.seed,
        train_rows=request.train_rows,
        validation_rows=request.validation_rows,
        test_rows=request.test_rows,
        **asdict(request.reading),
    )


def _check_disjoint(given: Mapping[str, Sequence[Example]]) -> None:
    first = {split: {row.prompt_key: row for row in reversed(rows)} for split, rows in given.items()}
    for one, other in combinations(given, 2):
        common = [prompt for prompt in first[one] if prompt in first[other]]
        if common:
            a, b = first[one][common[0]], first[other][common[0]]
            raise DataError(
                f"{a.where} and {b.where} have the same prompt, {_abridged(a)!r}; {len(common)} prompts lie in both "
                f"{one} and {other}. Scores would be too good: delete them from one of the two, or give one file with "
                "all rows and let foretune split it"
            )


def _abridged(example: Example, length: int = 60) -> str:
    text = example.text or example.messages[-2].said
    return text if len(text) <= length else text[: length - 3] + "..."


def _carve(rows: Sequence[Example], missing: Sequence[str], seed: int, name: str) -> dict[str, list[Example]]:
    """The splits named, and `train` with what they leave; empty if nothing is missing."""
    if not missing:
        return {}
    sizes = Counter(row.prompt_key for row in rows)
    if len(sizes) < _LEAST_PROMPTS:
        raise DataError(
            f"{name}: {len(rows)} training rows with {len(sizes)} distinct prompts are too few to take "
            f"{' and '.join(missing)} from; at least {_LEAST_PROMPTS} are needed. Add rows, or give a folder with "
            "train, validation and test files"
        )
    target = min(max(len(rows) // 10, min(50, len(rows) // 5)), _MOST_HELD_OUT)
    room = dict.fromkeys(missing, target)
    split_of: dict[str, str] = {}
    for prompt in sorted(sizes, key=lambda prompt: _rank(seed, "split", prompt)):
        split = max(missing, key=room.__getitem__)
        # A prompt with very many rows fits nowhere and stays in train.
        split_of[prompt] = split if sizes[prompt] <= room[split] else "train"
        if split_of[prompt] == split:
            room[split] -= sizes[prompt]
    parts: dict[str, list[Example]] = {split: [] for split in ("train", *missing)}
    for row in rows:
        parts[split_of[row.prompt_key]].append(row)
    _check_carved(parts, name)
    return parts


def _check_carved(parts: Mapping[str, Sequence[Example]], name: str) -> None:
    for split, rows in parts.items():
        if not rows:
            raise DataError(
                f"{name}: nothing is left for {split}, since too many rows share few prompts; "
                "give a folder with train, validation and test files"
            )


def _carved(parts: Mapping[str, Sequence[Example]], missing: Sequence[str], seed: int) -> list[str]:
    if not missing:
        return []
    taken = " and ".join(f"{len(parts[split])} rows for {split}" for split in reversed(missing))
    return [f"took {taken} from train by prompt (seed {seed}), {len(parts['train'])} left"]


def _repetitions(parts: Mapping[str, Sequence[Example]]) -> list[str]:
    repeated = {split: len(rows) - len(set(rows)) for split, rows in parts.items()}
    return [f"{split}: {count} rows repeat an earlier row; kept" for split, count in repeated.items() if count]


def _subset(rows: Sequence[Example], count: int, seed: int) -> list[Example]:
    seen: Counter[Example] = Counter()
    ranks: list[bytes] = []
    for row in rows:
        ranks.append(_rank(seed, f"subset {seen[row]}", "\x1d".join(prompt_and_completion(row))))
        seen[row] += 1
    chosen = sorted(range(len(rows)), key=ranks.__getitem__)[:count]
    return [rows[at] for at in sorted(chosen)]


def _rank(seed: int, purpose: str, text: str) -> bytes:
    """A place in an order that depends on the text alone, whatever the other rows are and wherever it stands."""
    return hashlib.blake2b(f"{seed}\x1d{purpose}\x1d{text}".encode(), digest_size=16).digest()
