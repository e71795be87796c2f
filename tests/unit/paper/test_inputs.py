from __future__ import annotations

import numpy as np
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.paper.inputs import curve_block, progress_block
from foretune.space import learning_rate_reference
from foretune.surrogate.meta_features import read_task
from foretune.types import VALIDATION_NLL, Configuration, Task


def test_curve_block_holds_gains_and_how_much_was_seen():
    empty, two = curve_block([np.empty(0), np.array([0.3, 0.2])])
    assert not empty.any()
    np.testing.assert_allclose(two, [0.3, 0.2, 0, 0, 0, 0, 0, 0, 0.25, 0.2, 0.3, -0.1])


def test_progress_counts_steps_epochs_and_relative_learning_rate():
    task = synthetic_table().task("task-0")
    rows = read_task(task).rows
    rate = learning_rate_reference(192)
    configuration = Configuration({"epochs": 4, "batch_size": 10, "learning_rate": 2 * rate})
    (row,) = progress_block(task, [configuration], np.array([0]), np.array([4]))
    steps = 2 * rows / 10
    np.testing.assert_allclose(np.exp(row), [steps, 2.0, 2.0, 2 * steps, 10.0])


def test_columns_that_never_varied_are_blank_on_any_task():
    performance = synthetic_surrogates().performance
    task = synthetic_table().task("task-3")
    wide = Task("wide", VALIDATION_NLL, {**task.meta_features, "model_log_parameters": 9.0}, 8)
    inputs = performance.inputs
    column = inputs.names.index("feature.model_log_parameters")
    configuration = synthetic_table().configurations["task-3-0"]
    assert inputs(wide, [configuration], [np.empty(0)], np.array([8]))[0, column] == 0.0
