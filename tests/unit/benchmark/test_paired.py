"""Pairs by hand: three tasks, of which any resample is nothing but copies, so that intervals can be told by hand, too.

One of 27 resamples (3.7 %) has the same task three times: the ends of a 95 % interval are the least and the most that a
resample can give.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from foretune.benchmark.paired import baseline_of, closed_shares, differences, ratio_of_means, ratios
from foretune.benchmark.regret import Interval, interval
from foretune.errors import ConfigurationError

KEY = ("method", "1 run")
REGRETS = {
    "method": {"a": (0.1, 0.3), "b": (0.3, 0.3), "c": (0.0, 0.0)},
    "base": {"c": (0.0,), "a": (0.4,), "b": (0.2,)},  # in another order and with one seed
    "oracle": {"a": (0.2,), "b": (0.1,), "c": (0.0,)},
}


@pytest.fixture
def frame():
    rows = [
        {"method": method, "budget": "1 run", "task": task, "seed": seed, "regret_median": value}
        for method, tasks in REGRETS.items()
        for task, values in tasks.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def rounded(value: Interval):
    return tuple(round(one, 9) for one in (value.mean, value.low, value.high)), value.tasks


def test_differences_are_those_of_the_same_task(frame):
    found = differences(frame, "base")
    assert list(found) == [KEY, ("oracle", "1 run")]
    one = found[KEY]
    # -0.2, 0.1 and 0
    assert rounded(one.interval) == ((round(-0.1 / 3, 9), -0.2, 0.1), 3)
    assert (one.wins, one.losses, one.ties) == (1, 1, 1)


def test_the_interval_of_a_difference_is_the_usual_one(frame):
    assert differences(frame, "base")[KEY].interval == interval(np.array([-0.2, 0.1, 0.0]))


def test_rounding_errors_are_ties():
    rows = [("base", 0.3), ("method", 0.1 + 0.2)]
    frame = pd.DataFrame([{"method": m, "budget": "1 run", "task": "a", "regret_median": value} for m, value in rows])
    one = differences(frame, "base")[KEY]
    assert (one.wins, one.losses, one.ties) == (0, 0, 1)
    assert math.copysign(1, one.interval.mean) == 1.0, "no minus zero"


def test_a_ratio_is_that_of_the_means(frame):
    # 0.5 / 0.6 over all; 0.2 / 0.4 where only the task a was drawn, 0.3 / 0.2 where only b was; c alone has no ratio
    assert rounded(ratios(frame, "base")[KEY]) == ((round(5 / 6, 9), 0.5, 1.5), 3)


def test_the_share_of_the_gap_is_0_for_the_baseline_and_1_for_the_bound(frame):
    found = closed_shares(frame, "base", "oracle")
    assert list(found) == [KEY]
    # closed are 0.2, -0.1 and 0 of 0.2, 0.1 and 0
    assert rounded(found[KEY]) == ((round(1 / 3, 9), -1.0, 1.0), 3)
    copies = pd.concat([frame, frame[frame["method"] == "oracle"].assign(method="bound")])
    assert rounded(closed_shares(copies, "base", "bound")["oracle", "1 run"]) == ((1.0, 1.0, 1.0), 3)


@pytest.mark.parametrize("below", [[0.0, 0.0], [0.3, -0.3], [0.1, -0.2], [0.1 + 0.2 - 0.3, 0.0]])
def test_there_is_no_ratio_to_what_is_not_positive(below):
    found = ratio_of_means(np.array([1.0, 2.0]), np.array(below))
    assert found.tasks == 0
    assert math.isnan(found.mean)


def test_the_portfolio_is_the_usual_baseline():
    assert baseline_of(["random", "portfolio"]) == "portfolio"
    assert baseline_of(["random", "portfolio-sha"]) is None


def test_a_method_with_options_can_be_the_baseline():
    assert baseline_of(["portfolio", "transfer:horizon=best"], "transfer:horizon=best") == "transfer:horizon=best"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("bayes", "no method is called 'bayes'; choose from"),
        ("portfolio-sha:keep=2", "'keep=2' is no option of the method 'portfolio-sha'"),
        ("portfolio-sha:eta=2", "'portfolio-sha:eta=2' is not among the methods that are compared: random, portfolio;"),
    ],
)
def test_a_baseline_that_is_not_compared_is_refused(asked, message):
    with pytest.raises(ConfigurationError, match=message):
        baseline_of(["random", "portfolio"], asked)
