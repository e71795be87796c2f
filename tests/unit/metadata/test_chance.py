"""Tasks on which nothing beats the most common answer."""

import pytest

from foretune.metadata.chance import tasks_at_chance


@pytest.fixture
def shares(rows):
    """The most common answer of a and b has a share of 0.4 of 20 rows (an error of 0.11); c has no common answer."""
    for task, share in zip(rows["tasks"], (0.4, 0.4, 0.01), strict=True):
        task["feature.most_common_completion"] = share
    for one in rows["curves"]:
        one["validation_exact_match"] = 0.0
    return rows


def best(rows, task, match):
    one = next(one for one in rows["curves"] if one["run"].startswith(task))
    one["validation_exact_match"] = match


def test_a_task_is_at_chance_up_to_two_errors_above_the_most_common_answer(shares, build):
    best(shares, "a", 0.6)
    best(shares, "b", 0.65)
    assert tasks_at_chance(build(shares)) == {"a"}


def test_nothing_is_said_where_the_figures_are_missing(rows, build):
    assert tasks_at_chance(build(rows)) == frozenset()
    for one in rows["curves"]:
        one["validation_exact_match"] = None
    for task in rows["tasks"]:
        task["feature.most_common_completion"] = 0.5
    assert tasks_at_chance(build(rows)) == frozenset()
