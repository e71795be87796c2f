"""Tokens are counted from the answers, and priced."""

import pytest

from foretune.teacher.price import Price, Tokens, count
from foretune.teacher.protocol import Reply


def test_answers_are_counted_and_priced_by_the_million():
    tokens = count([Reply("", 600_000, 100), Reply("", 400_000, 499_900)])
    assert tokens == Tokens(2, 1_000_000, 500_000)
    assert Price(2.0, 8.0).of(tokens) == pytest.approx(6.0)
    assert Price(2.0).of(tokens) == pytest.approx(2.0)
    assert [price.known for price in (Price(), Price(0.0), Price(None, 1.0))] == [False, True, True]
