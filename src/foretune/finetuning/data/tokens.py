"""The data of training, choice and report: token ids, and which of them are learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Tokens:
    """The rows of one split.

    Attributes:
        input_ids: prompt and completion of each row, int32, at least two tokens.
        completion_starts: (rows,) where the first completion begins; at least 1, since nothing predicts the first
            token.
        between: the places after that start that are not learned, such as the next question, by row; only rows that
            have some.
    """

    input_ids: tuple[np.ndarray, ...]
    completion_starts: np.ndarray
    between: Mapping[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        starts = np.array(self.completion_starts, dtype=np.int64)
        if starts.shape != (len(self.input_ids),) or ((starts < 1) | (starts >= self.lengths)).any():
            raise ValueError(
                "expected one completion start per row, after the first token and before the end of the row"
            )
        starts.setflags(write=False)
        object.__setattr__(self, "completion_starts", starts)

    def __len__(self) -> int:
        return len(self.input_ids)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(rows,) tokens of each row."""
        return np.array([len(row) for row in self.input_ids], dtype=np.int64)

    @property
    def completion_lengths(self) -> np.ndarray:
        """(rows,) tokens of each row that the loss is taken on."""
        counts = self.lengths - self.completion_starts
        for row, places in self.between.items():
            counts[row] -= len(places)
        return counts

    def learned(self, row: int) -> np.ndarray:
        """(tokens,) true for the tokens of a row that the loss is taken on."""
        mask = np.arange(len(self.input_ids[row])) >= self.completion_starts[row]
        if row in self.between:
            mask[self.between[row]] = False
        return mask

    @property
    def total(self) -> int:
        """All tokens of the split, prompts included."""
        return int(self.lengths.sum())


@dataclass(frozen=True)
class TokenizedSplits:
    """The data of training, choice and report.

    Attributes:
        name: of the file, folder or hub dataset.
        train: rows to learn from.
        validation: rows that choose configurations and checkpoints.
        test: rows for the report on the final choice.
        notes: those of `Splits`, and the changes by tokenizing.
        cut: rows that were longer than they may be, and lost a part.
    """

    name: str
    train: Tokens
    validation: Tokens
    test: Tokens
    notes: tuple[str, ...] = field(default=())
    cut: int = 0
