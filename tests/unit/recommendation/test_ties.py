"""Ranks: what differs by no more than the error of the difference shares one, and the quickest of these comes first."""

from __future__ import annotations

import pytest

from foretune.recommendation import Advice, Recommendation, ranked
from foretune.recommendation.advice import Interval
from foretune.recommendation.ties import tied
from foretune.types import Configuration


def one(name: str, score: float | None, *cases: float, seconds: float | None = None, reach: float = 1.0):
    interval = None if score is None else Interval(score, score - reach, score + reach)
    return Recommendation(Configuration({"method": name}), interval, seconds, None, "", cases)


def ranks(*recommendations: Recommendation, weights: tuple[float, ...] = ()) -> list[tuple[object, int]]:
    found = ranked(Advice(recommendations, "surrogates", "", "", case_weights=weights)).recommendations
    return [(row.configuration.values["method"], row.rank) for row in found]


def test_what_both_have_in_common_is_no_reason_for_a_tie():
    # The level is uncertain by 10, but b is worse than a by 0.1 in every case.
    a, b = one("a", 1.0, -9.0, 11.0, reach=10.0), one("b", 1.1, -8.9, 11.1, seconds=1.0, reach=10.0)
    assert ranks(a, b, weights=(0.5, 0.5)) == [("a", 1), ("b", 2)]


def test_the_error_is_how_much_the_difference_varies_over_the_weighted_cases():
    # Differences -0.2 and 0.4 with weights 3 to 1: deviation 0.6 sqrt(3/4 1/4) = 0.2598
    def pair(difference):
        return one("a", 1.0, 1.0, 1.0), one("b", 1.0 + difference, 1.2, 0.6)

    assert ranks(*pair(0.259), weights=(3.0, 1.0)) == [("a", 1), ("b", 1)]
    assert ranks(*pair(0.261), weights=(3.0, 1.0)) == [("a", 1), ("b", 2)]


def test_the_quickest_of_a_group_comes_first_and_unknown_times_last():
    rows = (one("a", 1.0, seconds=9.0), one("b", 1.1), one("c", 1.2, seconds=3.0), one("d", 9.0, seconds=1.0))
    assert ranks(*rows) == [("c", 1), ("a", 1), ("b", 1), ("d", 4)]


def test_times_that_differ_by_less_than_a_fifth_leave_the_order():
    rows = (one("a", 1.0, seconds=110.0), one("b", 1.1, seconds=100.0), one("c", 1.2, seconds=90.0))
    assert ranks(*rows) == [("b", 1), ("c", 1), ("a", 1)]
    assert ranks(*rows[:2]) == [("a", 1), ("b", 1)]


def test_a_group_is_of_those_like_its_best_and_not_of_a_chain():
    rows = [one(name, score, reach=0.5) for name, score in (("a", 0.0), ("b", 0.6), ("c", 1.2), ("d", 1.8))]
    assert ranks(*rows) == [("a", 1), ("b", 1), ("c", 3), ("d", 3)]


@pytest.mark.parametrize("scores", [(None, None), (1.0, None)])
def test_what_nothing_is_known_of_cannot_be_told_apart(scores):
    assert ranks(one("a", scores[0]), one("b", scores[1])) == [("a", 1), ("b", 1)]


def test_ranks_in_common_are_ties():
    assert tied(ranked(Advice((one("a", 1.0), one("b", 1.0)), "rule", "", "")).recommendations)
    assert not tied((one("a", 1.0),))


def test_ranks_are_in_the_json():
    found = ranked(Advice((one("a", 1.0), one("b", 9.0)), "rule", "", "", facts={"zero_shot": {"nll": 2.0}}))
    content = found.to_json()
    assert [row["rank"] for row in content["recommendations"]] == [1, 2]
    assert content["zero_shot"] == {"nll": 2.0}
