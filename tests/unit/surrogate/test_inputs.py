from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.errors import SurrogateError
from foretune.space import learning_rate_reference
from foretune.surrogate.inputs import curve_block, gain, progress_block, score_of_gain, zero_shot_score
from foretune.surrogate.meta_features import read_task
from foretune.types import VALIDATION_NLL, Configuration, Task


@given(nll=st.floats(1e-3, 90), zero_shot=st.floats(0.5, 9))
def test_gain_can_be_turned_back_into_the_score(nll, zero_shot):
    scores = np.array([-min(nll, 90 * zero_shot)])
    np.testing.assert_allclose(score_of_gain(gain(scores, -zero_shot), -zero_shot), scores, rtol=1e-6)


def test_gain_is_zero_untrained_one_when_perfect_and_bounded_below():
    np.testing.assert_allclose(gain(np.array([-4.0, -2.0, -1.0, -8.0]), -4.0), [0.0, np.log(2), np.log(4), -0.5])
    assert -1 < gain(np.array([-1e9]), -4.0)[0] < -0.99


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


def test_the_score_of_the_untrained_model_is_a_meta_feature():
    task = synthetic_table().task("task-1")
    assert zero_shot_score(task) == -task.meta_features["zero_shot_nll"]


def test_missing_facts_are_named():
    with pytest.raises(SurrogateError, match=r"'bare' lacks the meta-features zero_shot_nll, log_train_rows"):
        read_task(Task("bare", VALIDATION_NLL, {}, 8))


def test_a_perfect_untrained_model_is_refused():
    features = {**synthetic_table().task("task-0").meta_features, "zero_shot_nll": 0.0}
    with pytest.raises(SurrogateError, match="nothing to improve"):
        read_task(Task("perfect", VALIDATION_NLL, features, 8))
