"""Rows of tokens: what is learned of them, and how long they are."""

import numpy as np
import pytest

from foretune.finetuning.data import Example, Message, Splits, Tokens, tokenize


def _example(prompt="hi", completion="yes", system=None):
    before = [Message("system", system)] if system else []
    return Example((*before, Message("user", prompt), Message("assistant", completion)), where="d.jsonl, line 4")


def _splits(*rows, **parts):
    return Splits(
        "mine", **{"train": rows, "validation": (_example(),), "test": (_example(),), **parts}, notes=("made",)
    )


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
