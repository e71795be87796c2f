"""Ranks, and how much they agree."""

import numpy as np
import pytest

from foretune.metadata.ranks import rank_rows, spearman


def test_equal_losses_share_their_mean_rank_and_infinite_ones_are_last():
    losses = np.array([[0.5, 0.1, 0.5, np.inf, 0.2], [1.0, 1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(rank_rows(losses), [[3.5, 1.0, 3.5, 5.0, 2.0], [3.0] * 5])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 1000.0], 1.0),
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        # Differences of ranks 0, 1, 1, 0: 1 - 6 * 2 / (4 * 15).
        ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0], 0.8),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], 0.0),
        ([1.0, 2.0], [5.0, 5.0], 0.0),
    ],
)
def test_the_correlation_of_ranks(first, second, expected):
    assert spearman(np.array(first), np.array(second)) == pytest.approx(expected)
