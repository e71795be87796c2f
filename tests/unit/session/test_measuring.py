"""The untouched base model is measured once."""

import numpy as np

from foretune.finetuning.data import TokenizedSplits, Tokens
from foretune.session import measuring


def test_the_end_scores_the_base_model_again_where_only_a_part_of_the_rows_was_scored():
    def splits(rows):
        tokens = Tokens(tuple(np.arange(10) for _ in range(rows)), np.full(rows, 5))
        return TokenizedSplits("made up", tokens, tokens, tokens)

    part, whole = splits(2), splits(6)
    both = ("validation", "test")
    assert measuring.closing_seconds(1.0, 3.0, whole, whole, both) == 1.0 + 3.0 * 2
    assert measuring.closing_seconds(1.0, 3.0, whole, whole, ["validation"]) == 1.0 + 3.0 * 2 + 1.0 + 3.0
    assert measuring.closing_seconds(1.0, 3.0, part, whole, ["validation"]) == 2 * (1.0 + 3.0 * 6)
