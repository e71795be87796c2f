"""Tokens are estimated from the prompts."""

from made_passages import passages

from foretune.synthesis.questions.cost import estimate
from foretune.synthesis.questions.prompts import questions_request


def test_the_estimate_asks_a_passage_for_three_pairs_in_two_requests():
    found = passages(4)
    tokens = estimate(found, 30)
    one = questions_request(found[0])
    least = 10 * (len(one.system) + len(one.prompt)) // 4
    assert tokens.requests == 20
    assert tokens.completion == 10 * 5 * 100
    assert least < tokens.prompt < 3 * least
