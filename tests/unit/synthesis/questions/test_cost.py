"""Tokens are estimated from the prompts, counted from the answers, and priced."""

import pytest
from made_passages import passages

from foretune.synthesis.questions.cost import Price, Tokens, count, estimate
from foretune.synthesis.questions.prompts import questions_request
from foretune.teacher.protocol import Reply


def test_the_estimate_asks_a_passage_for_three_pairs_in_two_requests():
    found = passages(4)
    tokens = estimate(found, 30)
    one = questions_request(found[0])
    least = 10 * (len(one.system) + len(one.prompt)) // 4
    assert tokens.requests == 20
    assert tokens.completion == 10 * 5 * 100
    assert least < tokens.prompt < 3 * least


def test_answers_are_counted_and_priced_by_the_million():
    tokens = count([Reply("", 600_000, 100), Reply("", 400_000, 499_900)])
    assert tokens == Tokens(2, 1_000_000, 500_000)
    assert Price(2.0, 8.0).of(tokens) == pytest.approx(6.0)
    assert Price(2.0).of(tokens) == pytest.approx(2.0)
    assert [price.known for price in (Price(), Price(0.0), Price(None, 1.0))] == [False, True, True]
