from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.errors import SurrogateError
from foretune.space import Encoder, load_space
from foretune.surrogate.inputs import encode, width_of, zero_shot_score
from foretune.surrogate.meta_features import read_task
from foretune.types import VALIDATION_NLL, Task


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


def test_the_width_is_known_where_the_base_model_is_described():
    assert width_of(synthetic_table().task("task-0")) == 192
    assert width_of(Task("bare", VALIDATION_NLL, {}, 8)) is None


def test_without_a_width_configurations_are_encoded_as_they_are():
    encoder, configuration = Encoder.of(load_space("peft")), load_space("peft").default()
    bare = Task("bare", VALIDATION_NLL, {}, 8)
    np.testing.assert_array_equal(encode(encoder, bare, [configuration]), encoder.encode([configuration]))
    wide = synthetic_table().task("task-0")
    features = {**wide.meta_features, "model_log_width": np.log10(4096)}
    other = encode(encoder, Task("wide", VALIDATION_NLL, features, 8), [configuration])
    np.testing.assert_array_equal(other, encoder.at(4096).encode([configuration]))
    assert not np.array_equal(other, encoder.encode([configuration]))
