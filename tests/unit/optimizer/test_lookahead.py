"""Pairs of runs that fit into the time left: against loops that say the same, and on cases small enough to see."""

from __future__ import annotations

import numpy as np
import pytest

from foretune.acquisition import expected_improvement
from foretune.optimizer.lookahead import draw_improvements, shortlist, worth_with_a_second
from foretune.types import Prediction

DRAWS, POOL, SLICES = 5, 4, 3


def reached(improvement: np.ndarray, spent: np.ndarray, draw: int, run: int, seconds: float) -> float:
    return max((improvement[draw, run, at] for at in range(SLICES) if spent[run, at] <= seconds), default=0.0)


def written_out(improvement: np.ndarray, spent: np.ndarray, seconds: float) -> list[float]:
    found = []
    for first in range(POOL):
        alone = [reached(improvement, spent, draw, first, seconds) for draw in range(DRAWS)]
        left = seconds - max((one for one in spent[first] if one <= seconds), default=0.0)
        pairs = [
            [max(alone[draw], reached(improvement, spent, draw, second, left)) for draw in range(DRAWS)]
            for second in range(POOL)
            if second != first
        ]
        found.append((np.mean(alone) + max(np.mean(pair) for pair in pairs)) / 2)
    return found


@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0, 20.0])
def test_a_run_is_worth_the_mean_of_itself_and_of_the_best_pair(seconds):
    rng = np.random.default_rng(0)
    improvement = np.maximum.accumulate(rng.exponential(size=(DRAWS, POOL, SLICES)), axis=2)
    spent = np.cumsum(rng.uniform(0.3, 1.5, size=(POOL, SLICES)), axis=1)
    found = worth_with_a_second(improvement, spent, seconds)
    np.testing.assert_allclose(found, written_out(improvement, spent, seconds))


def test_two_short_runs_of_which_one_will_do_are_better_than_a_long_one():
    """Unless both are good in the same case."""
    long, short = np.array([0.55, 0.55]), np.array([1.0, 0.0])
    spent = np.array([[2.0], [1.0], [1.0]])
    for other, best in ((short[::-1], {1, 2}), (short, {0})):
        improvement = np.stack([long, short, other], axis=1)[:, :, None]
        assert int(np.argmax(worth_with_a_second(improvement, spent, 2.0))) in best


def test_draws_come_to_the_expected_improvement():
    weights = np.array([0.75, 0.25])
    cases = Prediction(np.array([[[0.0], [0.3]], [[1.0], [0.1]]]), np.full((2, 2, 1), 0.2))
    draws = draw_improvements(weights, cases, np.ones((2, 1), dtype=bool), 0.2)
    expected = np.tensordot(weights, expected_improvement(cases, 0.2), 1)
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=0.02)


def test_what_is_trained_already_brings_nothing_and_nothing_is_lost_by_going_on():
    cases = Prediction(np.array([[[5.0, 1.0, 0.5]]]), np.full((1, 1, 3), 1e-6))
    draws = draw_improvements(np.ones(1), cases, np.array([[False, True, True]]), 0.0)
    np.testing.assert_allclose(draws[:, 0], np.tile([0.0, 1.0, 1.0], (len(draws), 1)), atol=1e-4)


def test_the_best_alone_and_the_best_per_second_are_looked_at():
    alone = np.concatenate([np.linspace(1.0, 2.0, 100), [-np.inf, 0.5]])
    seconds = np.concatenate([np.full(100, 10.0), [1.0, 0.1]])
    found = shortlist(alone, seconds)
    assert {99, 60, 101} <= set(found.tolist())
    assert 100 not in found
    assert len(found) < 61
