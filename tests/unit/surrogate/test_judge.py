from __future__ import annotations

import numpy as np
from synthetic_table import synthetic_table

from foretune.surrogate.examples import read_runs
from foretune.surrogate.judge import folds


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
