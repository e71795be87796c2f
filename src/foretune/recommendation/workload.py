"""How much a run has to read: the tokens of the rows that it learns from and is evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foretune.finetuning.data import Example, Splits, TokenizedSplits, prompt_and_completion

CHARACTERS_PER_TOKEN = 4
"""Of English text, where the tokenizer is not at hand (a rule of thumb that OpenAI's documentation gives, too)."""
_MARKS = 8
"""Tokens of a row that are in no text: begin, end, and who speaks."""


@dataclass(frozen=True)
class Workload:
    """One epoch of a dataset, and one evaluation.

    Attributes:
        lengths: (rows,) tokens of each training row.
        completions: (rows,) those of them that the loss is taken on.
        validation_tokens: of all validation rows.
    """

    lengths: np.ndarray
    completions: np.ndarray
    validation_tokens: int

    def __post_init__(self) -> None:
        if len(self.lengths) == 0 or self.lengths.shape != self.completions.shape or self.lengths.min() < 1:
            raise ValueError("expected the tokens of at least one training row, and as many completions as rows")

    def longest_batch(self, rows: int) -> tuple[int, int]:
        """Tokens of the largest batch of so many rows that can come, padded, and those that the loss is taken on."""
        rows = min(rows, len(self.lengths))
        return rows * int(self.lengths.max()), int(np.sort(self.completions)[-rows:].sum())

    def cut(self, longest: int) -> Workload:
        """The same with training rows of no more tokens than that."""
        return Workload(
            np.minimum(self.lengths, longest), np.minimum(self.completions, longest), self.validation_tokens
        )


def count_tokens(data: TokenizedSplits) -> Workload:
    """What was tokenized."""
    return Workload(data.train.lengths, data.train.completion_lengths, data.validation.total)


def guess_tokens(splits: Splits, longest: int) -> Workload:
    """What the text is expected to be in tokens, rows cut to `longest` of them."""
    train = _guess(splits.train)
    lengths = np.minimum(train.sum(axis=1), longest)
    validation = np.minimum(_guess(splits.validation).sum(axis=1), longest)
    return Workload(lengths, np.minimum(train[:, 1], lengths), int(validation.sum()))


def _guess(examples: Sequence[Example]) -> np.ndarray:
    """Tokens (rows, 2) of prompts and completions."""
    characters = np.array([[len(text) for text in prompt_and_completion(example)] for example in examples])
    return np.ceil(characters / CHARACTERS_PER_TOKEN).astype(np.int64) + np.array([_MARKS, 1])
