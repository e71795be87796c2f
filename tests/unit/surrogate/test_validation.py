from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.surrogate.examples import read_runs
from foretune.surrogate.validation import HeldOut, folds, inflation, spearman


def held_out(mean: np.ndarray, after: np.ndarray, std: float = 1.0) -> HeldOut:
    """Fresh candidates only: (candidates, 8) predicted and true gains."""
    fidelity = np.tile(np.arange(1, 9), len(mean))
    seen = np.zeros(mean.size, dtype=int)
    return HeldOut("t", seen, fidelity, mean.reshape(-1), np.full(mean.size, std), after.reshape(-1))


def test_folds_hold_out_each_task_once_and_split_no_family():
    table = synthetic_table()
    parts = folds(read_runs([table]), 3, np.random.default_rng(0))
    assert sorted(task for part in parts for task in part) == sorted(table.task_ids)
    families = [{table.families[task] for task in part} for part in parts]
    assert all(not left & right for i, left in enumerate(families) for right in families[:i])


def test_folds_split_tasks_where_families_are_few():
    few = synthetic_table().select(["task-0", "task-4", "task-1"])
    parts = folds(read_runs([few]), 3, np.random.default_rng(0))
    assert sorted(map(len, parts)) == [1, 1, 1]


def test_spearman_knows_order_only():
    rising = np.array([1.0, 2.0, 5.0, 90.0])
    assert spearman(rising, np.log(rising)) == pytest.approx(1.0)
    assert spearman(rising, -rising) == pytest.approx(-1.0)
    assert spearman(rising, np.ones(4)) == 0.0


def test_regret_is_zero_for_the_best_and_one_for_the_median():
    after = np.repeat([[0.0], [0.2], [0.6]], 8, axis=1)
    assert held_out(after, after).regret(1) == 0.0
    assert held_out(np.repeat([[0.0], [1.0], [0.5]], 8, axis=1), after).regret(1) == pytest.approx(1.0)
    assert held_out(np.repeat([[0.0], [1.0], [0.5]], 8, axis=1), after).regret(2) == 0.0


def test_inflation_makes_errors_as_large_as_predicted():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 2.0, (500, 8))
    factors = inflation([held_out(np.zeros((500, 8)), errors)])
    assert factors[0] == pytest.approx(np.full(9, 1.9), abs=0.15)
    assert (factors[1:] == 1.0).all()
