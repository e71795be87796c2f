"""Text metrics have the values that their definitions give."""

from itertools import product
from random import Random

import pytest

from foretune.metrics.protocol import Asked
from foretune.metrics.text import TextScorer, exact_match, longest_common_subsequence, rouge_l, token_f1


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [("yen", "yen", 1), (" yen\n", "yen", 1), ("Yen", "yen", 0), ("yen.", "yen", 0), ("", "yen", 0)],
)
def test_exact_match_ignores_nothing_but_space_around(answer, reference, value):
    assert exact_match(answer, reference) == value


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("The Japanese yen!", "a japanese, yen", 1.0),
        ("the yen of Japan", "Japanese yen", 2 * 1 / (3 + 2)),  # common: yen
        ("yen yen", "yen", 2 / 3),  # a word counts as often as it occurs in both
        ("dollar", "yen", 0.0),
        ("", "yen", 0.0),
        ("the", "a", 1.0),  # nothing is left of either
        ("anthem", "them", 0.0),  # articles are whole words
    ],
)
def test_token_f1_is_that_of_squad(answer, reference, value):
    assert token_f1(answer, reference) == pytest.approx(value)


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("police kill the gunman", "police killed the gunman", 0.75),  # Lin's own examples
        ("the gunman kill police", "police killed the gunman", 0.5),
        ("Police, killed: the gunman.", "police killed the gunman", 1.0),
        ("το ευρώ", "ευρώ", 2 / 3),
        ("", "yen", 0.0),
        ("!", "?", 1.0),
    ],
)
def test_rouge_l_counts_words_in_the_same_order(answer, reference, value):
    assert rouge_l(answer, reference) == pytest.approx(value)


def by_the_table(first, second):
    lengths = {}
    for i, j in product(range(len(first) + 1), range(len(second) + 1)):
        if not i or not j:
            lengths[i, j] = 0
        elif first[i - 1] == second[j - 1]:
            lengths[i, j] = lengths[i - 1, j - 1] + 1
        else:
            lengths[i, j] = max(lengths[i - 1, j], lengths[i, j - 1])
    return lengths[len(first), len(second)]


def test_the_longest_common_subsequence_is_that_of_the_usual_table():
    draw = Random(0)
    for _ in range(50):
        first, second = (draw.choices("abc", k=draw.randrange(12)) for _ in range(2))
        assert longest_common_subsequence(first, second) == by_the_table(first, second)


def test_a_lead_is_the_difference_of_two_scores():
    scorer, asked = TextScorer("exact_match"), [Asked("q", "yes"), Asked("q", "no")]
    assert scorer.scores(asked, ["yes", "yes"]) == [1.0, 0.0]
    assert scorer.leads(asked, ["yes", "yes"], ["no", "no"]) == [1.0, -1.0]
