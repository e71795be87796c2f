"""Means come with their errors, and agreement with what chance would give."""

import math

import pytest

from foretune.metrics.protocol import Asked
from foretune.metrics.summary import Agreement, Answered, Mean


def test_a_mean_is_of_what_is_known():
    assert Mean.of([1.0, None, 0.0, 0.0, 1.0]) == Mean(0.5, pytest.approx(math.sqrt(1 / 3) / 2), 4)
    assert Mean.of([2.0, None]) == Mean(2.0, None, 1)
    assert math.isnan(Mean.of([None]).value)


@pytest.mark.parametrize(
    ("leads", "is_a_lead"),
    [
        *(([1] + [0] * rest, False) for rest in range(1, 30)),  # one of n: 1 / n with an error of 1 / n
        ([1, 1, 0, 0, 0], True),  # 0.4 with an error of 0.245
        ([1, 1, -1, 0, 0], False),
        ([0, 0, 0], False),
        ([1], False),  # nothing is known of the error
        ([1, 1], True),
        ([], False),
    ],
)
def test_a_lead_is_more_than_its_standard_error(leads, is_a_lead):
    assert Mean.of(leads).is_a_lead == is_a_lead


def test_agreement_is_counted_and_compared_with_chance():
    found = Agreement.of([True, True, False, False, False], [True, False, True, False, False])
    assert found == Agreement(1, 1, 1, 2)
    assert found.share == pytest.approx(0.6)
    # Chance: 0.4 * 0.4 + 0.6 * 0.6 = 0.52.
    assert found.kappa == pytest.approx(0.08 / 0.48)
    assert found + Agreement(1, 0, 0, 4) == Agreement(2, 1, 1, 6)
    assert math.isnan(Agreement.of([True], [True]).kappa)
    assert math.isnan(Agreement().share)


ASKED = [Asked("q", "yes")] * 4


def test_a_judge_is_compared_with_exact_match_where_it_gave_a_grade():
    found = Answered.of("judge", ASKED, ["yes", "no", "yes", "yes"], [5.0, 4.0, 3.0, None])
    assert found == Answered("judge", 4.0, pytest.approx(1 / math.sqrt(3)), 3, 1, Agreement(1, 1, 1, 0))


def test_other_metrics_have_a_mean_alone():
    found = Answered.of("exact_match", ASKED, ["yes", "no", "no", "no"], [1.0, 0.0, 0.0, 0.0])
    assert found == Answered("exact_match", 0.25, pytest.approx(0.25), 4)
