"""What dataset is asked for, and how it is read: one request, from the command line to the process that trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

DEFAULT_MAX_LENGTH = 512
"""Most tokens of an example by default, if the model has as many positions."""


@dataclass(frozen=True)
class Reading:
    """How the rows of a dataset are read.

    Attributes:
        columns: which columns to take, such as `prompt=Q,completion=A`; None for those of a known convention.
        last_turn_only: learn the last answer of a conversation alone instead of all of them.
        skip_bad_rows: leave out the rows that cannot be used, and say how many they were.
    """

    columns: str | None = None
    last_turn_only: bool = False
    skip_bad_rows: bool = False

    def unusual(self) -> dict[str, Any]:
        """The fields that are not at their defaults."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True)
class DataRequest:
    """A dataset, the rows of it, and how they become tokens.

    Attributes:
        source: a JSONL, JSON, CSV, TSV or Parquet file (but the last also with `.gz`), a folder with
            train/validation/test files, or a hub dataset.
        seed: decides the splits that are made, and the subsets.
        train_rows: size of a subset of the training split, taken after the splits were made; a smaller subset is
            contained in a larger one. None for all rows.
        validation_rows: most rows of the validation split, a subset taken in the same way.
        test_rows: most rows of the test split.
        max_length: tokens that an example may have; None for what the model can take, at most 512.
        end: the token that ends completions; None for the one that the base model is found to have.
        today: the day that chat templates are told, in ISO format; None for the day of the reading.
        reading: how rows are read.
    """

    source: str | Path
    seed: int = 0
    train_rows: int | None = None
    validation_rows: int | None = None
    test_rows: int | None = None
    max_length: int | None = None
    end: int | None = None
    today: str | None = None
    reading: Reading = Reading()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Undo `dataclasses.asdict`."""
        fields: dict[str, Any] = {**values, "reading": Reading(**values["reading"])}
        return cls(**fields)
