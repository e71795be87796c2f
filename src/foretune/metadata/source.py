"""Where a task comes from: a dataset on disk, the number of training rows, and the facts on its card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretune.errors import MetaDatasetError
from foretune.parsing import parse_json

_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bBmM])(?![\w.])")
_UNITS = {"b": 1e9, "m": 1e6}


@dataclass(frozen=True)
class TaskSource:
    """A dataset at one training-set size.

    Attributes:
        path: folder or file of the dataset.
        rows: training rows; None for all.
    """

    path: Path
    rows: int | None = None

    @classmethod
    def parse(cls, text: str) -> TaskSource:
        """`DIR@ROWS` or `DIR`.

        Raises:
            MetaDatasetError: if nothing is there, or the number of rows is none.
        """
        path, at, rows = text.rpartition("@")
        sized = bool(at) and not Path(text).exists()
        if not sized:
            path, rows = text, ""
        if not Path(path).exists():
            message = f"no dataset at {path!r}; give a folder of splits or a file, with @ROWS for a training-set size"
            raise MetaDatasetError(message)
        if sized and (not rows.isdecimal() or int(rows) < 1):
            message = f"{text!r}: {rows!r} is not a number of training rows; write for instance {path}@500"
            raise MetaDatasetError(message)
        return cls(Path(path), int(rows) if rows else None)

    @property
    def id(self) -> str:
        """Name and size of the dataset, `NAME@ROWS`; `NAME` where all rows are trained on."""
        return self.name if self.rows is None else f"{self.name}@{self.rows}"

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.path.stem if self.path.is_file() else self.path.resolve().name

    def task(self, model: str | Path) -> str:
        """Name of the task on a base model, `NAME@ROWS:MODEL`."""
        return task_id(self.name, self.rows, model)

    def card(self) -> dict[str, str]:
        """Family, source and license from the dataset's `card.json`, as far as it has them.

        Raises:
            MetaDatasetError: if that file is not a JSON object.
        """
        file = self.path / "card.json"
        card = _read_card(file) if file.is_file() else {}
        return {
            "family": str(card.get("family") or self.name),
            "source": str(card.get("source") or card.get("source_repo") or self.name),
            "license": str(card.get("license") or card.get("licence") or "unknown"),
        }


def task_id(dataset: str, rows: int | None, model: str | Path) -> str:
    """Name of a task: a dataset with a training-set size (None: all of it), on a base model."""
    size = "" if rows is None else f"@{rows}"
    return f"{dataset}{size}:{Path(model).name}"


def stated_parameters(model: str) -> float | None:
    """Parameters of a base model as its own name states them: `-8B` is 8 billion, `-135M` is 135 million."""
    match = _SIZE.search(model.rsplit("/", 1)[-1])
    return float(match[1]) * _UNITS[match[2].lower()] if match else None


def _read_card(file: Path) -> Mapping[str, Any]:
    try:
        return dict(parse_json(file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise MetaDatasetError(f"{file} is not a JSON object ({error}); correct it, or remove it") from error


def parse_sources(texts: Sequence[str], sizes: Sequence[int] = ()) -> list[TaskSource]:
    """Every `DIR@ROWS` as it is, and every `DIR` at each of the sizes, or with all of its rows where none is given.

    Raises:
        MetaDatasetError: see `TaskSource.parse`.
    """
    found = [TaskSource.parse(text) for text in texts]
    return [
        TaskSource(source.path, rows)
        for source in found
        for rows in ([source.rows] if source.rows or not sizes else sizes)
    ]
