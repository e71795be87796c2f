from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_table import synthetic_table

from foretune.errors import SurrogateError
from foretune.surrogate.gains import GainScale, gain_scale
from foretune.types import VALIDATION_NLL, Metric, Task

LOSSES, PLAIN = GainScale(zero_shot=-4.0), GainScale()
ACCURACY = Metric("accuracy", maximize=True)


@given(nll=st.floats(1e-3, 90), zero_shot=st.floats(0.5, 9))
def test_gains_can_be_turned_back_into_scores(nll, zero_shot):
    scores, scale = np.array([-min(nll, 90 * zero_shot)]), GainScale(-zero_shot)
    np.testing.assert_allclose(scale.scores(scale.gains(scores)), scores, rtol=1e-6)


def test_a_gain_is_zero_untrained_a_logarithm_below_and_bounded_above():
    found = LOSSES.gains(np.array([-4.0, -2.0, -1.0, -8.0]))
    np.testing.assert_allclose(found, [0.0, np.log(2), np.log(4), -0.5])
    assert -1 < LOSSES.gains(np.array([-1e9]))[0] < -0.99


@pytest.mark.parametrize("scale", [LOSSES, PLAIN])
def test_a_scale_goes_there_and_back_in_any_shape(scale):
    scores = -np.array([[0.01, 0.5, 3.999], [4.0, 4.001, 90.0]])
    there = scale.gains(scores)
    assert there.shape == scores.shape
    np.testing.assert_allclose(scale.scores(there), scores, rtol=1e-9)
    assert (np.diff(there[0]) < 0).all()


def test_gains_of_a_plain_scale_are_the_scores_themselves_but_not_the_same_array():
    scores = np.array([0.7, -3.0, 0.0])
    found = PLAIN.scores(scores)
    np.testing.assert_array_equal(PLAIN.gains(scores), scores)
    found[0] = 9.0
    assert scores[0] == 0.7


@pytest.mark.parametrize("scale", [LOSSES, PLAIN])
def test_slopes_are_by_how_much_a_score_changes_with_its_gain(scale):
    """For a loss, where it is less than the untrained model's."""
    scores = -np.array([0.01, 0.5, 2.0, 3.99])
    there, step = scale.gains(scores), 1e-6
    differences = (scale.scores(there + step) - scale.scores(there - step)) / (2 * step)
    np.testing.assert_allclose(scale.slopes(scores), differences, rtol=1e-6)


def test_slopes_at_the_zero_shot_loss_are_the_same_from_both_sides():
    step = 1e-7
    for side in (step, -step):
        difference = (LOSSES.scores(np.array([side])) - LOSSES.scores(np.zeros(1))) / side
        np.testing.assert_allclose(difference, LOSSES.slopes(np.array([-4.0])), rtol=1e-5)


def test_a_task_whose_zero_shot_loss_is_known_is_seen_in_gains():
    task = synthetic_table().task("task-1")
    scale = gain_scale(task)
    assert scale == GainScale(-task.meta_features["zero_shot_nll"])
    np.testing.assert_allclose(scale.gains(np.array([-task.meta_features["zero_shot_nll"]])), 0.0, atol=1e-12)


@pytest.mark.parametrize("metric", [VALIDATION_NLL, ACCURACY])
def test_a_task_that_is_not_described_is_seen_in_its_own_scores(metric):
    assert gain_scale(Task("bare", metric, {}, 8)) == PLAIN
    assert gain_scale(Task("bare", metric, {"completion_overlap": 0.5}, 8)) == PLAIN


def test_what_is_maximized_has_no_zero_shot_loss_to_be_compared_with():
    assert gain_scale(Task("accurate", ACCURACY, synthetic_table().task("task-1").meta_features, 8)) == PLAIN


def test_differences_below_the_least_are_noise_only_where_the_unit_is_known():
    assert LOSSES.least == 0.02
    assert 0 < PLAIN.least < 1e-6


def test_a_zero_shot_loss_of_nothing_is_refused():
    with pytest.raises(SurrogateError, match=r"zero-shot loss of 0\.0: there is nothing to improve"):
        gain_scale(Task("perfect", VALIDATION_NLL, {"zero_shot_nll": 0.0}, 8))
