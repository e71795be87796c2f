"""Finds the splits of a dataset: one file, a folder of files, or a dataset on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from foretune.errors import DataError
from foretune.finetuning.data.files import READERS, ending_of, read_rows, stem_of, with_class_names
from foretune.finetuning.data.rows import Row

_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "validate": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
_SHARD = re.compile(r"-\d+-of-\d+$")
_NO_DATA = re.compile(r"\.|card\.json$|dataset_infos?\.json$|readme|licen[cs]e", re.IGNORECASE)
"""Files that nobody takes for rows: hidden ones, and those that describe the others."""


@dataclass(frozen=True)
class Source:
    """A dataset as it was found.

    Attributes:
        name: for people.
        rows: by split, `train` among them; a dataset without splits has only that.
        notes: unused files.
    """

    name: str
    rows: Mapping[str, list[Row]]
    notes: tuple[str, ...] = field(default=())


def read_source(source: str | Path) -> Source:
    """Read a file, a folder of splits, or a hub dataset (`name` or `name:configuration`).

    Raises:
        DataError: if there is nothing to read, or it is broken.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return _read_folder(path)
    if path.exists():
        return Source(stem_of(path), {"train": read_rows(path)})
    if isinstance(source, Path) or ending_of(path) or path.is_absolute() or str(source).startswith((".", "~")):
        raise DataError(f"{source}: no such file or folder; check the path")
    return _read_hub(str(source))


def _read_folder(folder: Path) -> Source:
    inside = sorted(folder.iterdir())
    found: dict[str, list[Path]] = {}
    for path in inside:
        split = _split_of(path)
        if split is not None and ending_of(path):
            found.setdefault(split, []).append(path)
    for split, paths in found.items():
        if len(paths) > 1 and not all(_SHARD.search(stem_of(path)) for path in paths):
            names = " and ".join(path.name for path in paths)
            raise DataError(f"{folder}: {names} are both taken for the {split} split; keep one of them")
    below = [path for path in inside if path.is_dir() and any(_split_of(file) == "train" for file in path.iterdir())]
    if "train" not in found and len(below) == 1:
        # Clones of hub datasets keep their files in a folder of their own.
        return replace(_read_folder(below[0]), name=folder.resolve().name)
    if "train" not in found:
        names = ", ".join(path.name for path in inside) or "nothing"
        raise DataError(
            f"{folder}: expected train, validation and test files ending with {', '.join(READERS)}, found: {names}. "
            "Name the training file train.jsonl, or give one file instead of the folder"
        )
    rows = {split: [row for path in paths for row in read_rows(path)] for split, paths in found.items()}
    taken = {path for paths in found.values() for path in paths}
    aside = [path.name for path in inside if path not in taken and not _NO_DATA.match(path.name)]
    names = ", ".join(dict.fromkeys(_SPLIT_NAMES))
    note = f"files left aside: {', '.join(aside)} (a split is a file named one of {names})"
    return Source(folder.resolve().name, rows, (note,) if aside else ())


def _split_of(path: Path) -> str | None:
    return _SPLIT_NAMES.get(_SHARD.sub("", stem_of(path)).lower())


def _read_hub(name: str) -> Source:
    loaded = _load_dataset(name)
    splits: dict[str, str] = {}
    for split in loaded:
        if split in _SPLIT_NAMES:
            splits.setdefault(_SPLIT_NAMES[split], split)
    if not splits and len(loaded) == 1:
        splits = {"train": next(iter(loaded))}
    if "train" not in splits:
        raise DataError(
            f"{name}: the hub dataset has no train split, only {', '.join(loaded)}; save the one you want as JSONL"
        )
    rows = {split: _hub_rows(loaded[theirs], f"{name}, split {theirs}") for split, theirs in splits.items()}
    aside = sorted(set(loaded) - set(splits.values()))
    return Source(name, rows, (f"splits left aside: {', '.join(aside)}",) if aside else ())


def _hub_rows(dataset: Any, where: str) -> list[Row]:
    classes = {
        str(column): list(feature.names)
        for column, feature in (getattr(dataset, "features", None) or {}).items()
        if type(feature).__name__ == "ClassLabel"
    }
    return [Row(with_class_names(values, classes), f"{where}, row {n}") for n, values in enumerate(dataset, start=1)]


def _load_dataset(name: str) -> Mapping[str, Any]:
    import datasets  # noqa: PLC0415 (takes a second to import, and needs no import for local files)

    path, _, configuration = name.partition(":")
    # Its network stack raises errors without a common base.
    try:
        return cast("Mapping[str, Any]", datasets.load_dataset(path, configuration or None))
    except Exception as error:
        raise DataError(
            f"{name}: no such file or folder, and as a dataset on the Hugging Face hub it cannot be loaded "
            f"({type(error).__name__}: {error}). Check the name and the connection (name:configuration picks a "
            "configuration), or download it elsewhere and give its JSONL, JSON, CSV or Parquet files"
        ) from error
