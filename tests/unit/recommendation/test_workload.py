from __future__ import annotations

import numpy as np
import pytest

from foretune.finetuning.data import Example, Splits, TokenizedSplits, Tokens
from foretune.finetuning.data.examples import Message
from foretune.recommendation.workload import Workload, count_tokens, guess_tokens


def example(prompt: str, completion: str) -> Example:
    return Example((Message("user", prompt), Message("assistant", completion)))


def test_the_largest_batch_is_padded_to_the_longest_row():
    work = Workload(np.array([10, 30, 20]), np.array([5, 10, 15]), 7)
    assert work.longest_batch(2) == (60, 25)
    assert work.longest_batch(8) == (90, 30)


def test_tokens_are_counted():
    rows = Tokens((np.arange(6), np.arange(4)), np.array([2, 3]))
    work = count_tokens(TokenizedSplits("x", rows, rows, rows))
    assert work.lengths.tolist() == [6, 4]
    assert work.completions.tolist() == [4, 1]
    assert work.validation_tokens == 10


def test_without_a_tokenizer_four_characters_are_a_token_and_rows_are_cut():
    rows = (example("x" * 400, "y" * 40), example("x" * 4_000, "y" * 40))
    work = guess_tokens(Splits("x", rows, rows[:1], rows), longest=512)
    assert work.lengths.tolist() == [100 + 8 + 10 + 1, 512]
    assert work.completions.tolist() == [11, 11]
    assert work.validation_tokens == 119


def test_a_dataset_without_rows_is_refused():
    with pytest.raises(ValueError, match="at least one training row"):
        Workload(np.array([], dtype=np.int64), np.array([], dtype=np.int64), 0)


def test_cut_rows_have_no_more_tokens_than_that():
    cut = Workload(np.array([5, 50]), np.array([2, 40]), 7).cut(20)
    assert (cut.lengths.tolist(), cut.completions.tolist(), cut.validation_tokens) == ([5, 20], [2, 20], 7)
