"""Rows of tokens: what is learned of them, and how long they are."""

import numpy as np
import pytest
from rows_of_data import example as _example
from rows_of_data import splits as _splits

from foretune.finetuning.data import Tokens, tokenize


def test_tokens_count_themselves(plain_tokenizer):
    tokens = tokenize(_splits(_example(), _example("longer", "a")), plain_tokenizer, 100).train
    assert len(tokens) == 2
    assert tokens.input_ids[0].dtype == np.int32
    assert tokens.lengths.tolist() == [7, 9]
    assert tokens.completion_lengths.tolist() == [5, 3]
    assert tokens.total == 16


@pytest.mark.parametrize("starts", [[0], [3], [1, 1]])
def test_tokens_are_checked_at_birth(starts):
    with pytest.raises(ValueError, match="one completion start per row"):
        Tokens((np.arange(3),), np.array(starts))


def test_what_lies_between_learned_parts_is_not_learned():
    rows = (np.arange(8), np.arange(4))
    tokens = Tokens(rows, np.array([2, 1]), {0: np.array([4, 5])})
    assert tokens.learned(0).astype(int).tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert tokens.learned(1).astype(int).tolist() == [0, 1, 1, 1]
    assert tokens.completion_lengths.tolist() == [4, 3]
    assert tokens.total == 12


def test_starts_cannot_be_changed_and_are_a_copy():
    given = np.array([1])
    tokens = Tokens((np.arange(3),), given)
    given[0] = 2
    assert tokens.completion_starts.tolist() == [1]
    with pytest.raises(ValueError, match="read-only"):
        tokens.completion_starts[0] = 2
