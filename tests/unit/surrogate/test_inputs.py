from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_table import synthetic_table

from foretune.errors import SurrogateError
from foretune.space import Encoder, load_space
from foretune.surrogate.inputs import (
    LossLink,
    PlainLink,
    encode,
    link_of,
    width_of,
    zero_shot_score,
)
from foretune.surrogate.meta_features import read_task
from foretune.types import VALIDATION_NLL, Metric, Task

LOSSES = LossLink(zero_shot=-4.0)
ACCURACY = Metric("accuracy", maximize=True)


@given(nll=st.floats(1e-3, 90), zero_shot=st.floats(0.5, 9))
def test_gains_can_be_turned_back_into_scores(nll, zero_shot):
    scores, link = np.array([-min(nll, 90 * zero_shot)]), LossLink(-zero_shot)
    np.testing.assert_allclose(link.scores(link.gains(scores)), scores, rtol=1e-6)


def test_a_gain_is_zero_untrained_a_logarithm_below_and_bounded_above():
    found = LOSSES.gains(np.array([-4.0, -2.0, -1.0, -8.0]))
    np.testing.assert_allclose(found, [0.0, np.log(2), np.log(4), -0.5])
    assert -1 < LOSSES.gains(np.array([-1e9]))[0] < -0.99


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


@pytest.mark.parametrize("link", [LOSSES, PlainLink()])
def test_a_link_goes_there_and_back_in_any_shape(link):
    scores = -np.array([[0.01, 0.5, 3.999], [4.0, 4.001, 90.0]])
    there = link.gains(scores)
    assert there.shape == scores.shape
    np.testing.assert_allclose(link.scores(there), scores, rtol=1e-9)
    assert (np.diff(there[0]) < 0).all()


def test_gains_of_a_plain_link_are_the_scores_themselves_but_not_the_same_array():
    scores = np.array([0.7, -3.0, 0.0])
    found = PlainLink().scores(scores)
    np.testing.assert_array_equal(PlainLink().gains(scores), scores)
    found[0] = 9.0
    assert scores[0] == 0.7


@pytest.mark.parametrize("link", [LOSSES, PlainLink()])
def test_slopes_are_by_how_much_a_score_changes_with_its_gain(link):
    """For a loss, where it is less than the untrained model's."""
    scores = -np.array([0.01, 0.5, 2.0, 3.99])
    there, step = link.gains(scores), 1e-6
    differences = (link.scores(there + step) - link.scores(there - step)) / (2 * step)
    np.testing.assert_allclose(link.slopes(scores), differences, rtol=1e-6)


def test_slopes_at_the_zero_shot_loss_are_the_same_from_both_sides():
    step = 1e-7
    for side in (step, -step):
        difference = (LOSSES.scores(np.array([side])) - LOSSES.scores(np.zeros(1))) / side
        np.testing.assert_allclose(difference, LOSSES.slopes(np.array([-4.0])), rtol=1e-5)


def test_a_task_whose_zero_shot_loss_is_known_is_seen_in_gains():
    task = synthetic_table().task("task-1")
    link = link_of(task)
    assert link == LossLink(zero_shot_score(task))
    np.testing.assert_allclose(link.gains(np.array([zero_shot_score(task)])), 0.0, atol=1e-12)


@pytest.mark.parametrize("metric", [VALIDATION_NLL, ACCURACY])
def test_a_task_that_is_not_described_is_seen_in_its_own_scores(metric):
    assert link_of(Task("bare", metric, {}, 8)) == PlainLink()
    assert link_of(Task("bare", metric, {"completion_overlap": 0.5}, 8)) == PlainLink()


def test_what_is_maximized_has_no_zero_shot_loss_to_be_compared_with():
    assert link_of(Task("accurate", ACCURACY, synthetic_table().task("task-1").meta_features, 8)) == PlainLink()


def test_differences_below_the_least_scale_are_noise_only_where_the_unit_is_known():
    assert LOSSES.least_scale == 0.02
    assert 0 < PlainLink().least_scale < 1e-6


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
