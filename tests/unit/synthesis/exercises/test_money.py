"""Prices and change."""

import re


def test_money(drawn) -> None:
    for prompt, answer in drawn("change"):
        *prices, paid = (round(100 * float(text)) for text in re.findall(r"\$(\d+\.\d\d)", prompt))
        assert sum(prices) + round(100 * float(answer[1:])) == paid
    for prompt, answer in drawn("fewest_coins"):
        coins = list(map(int, answer.split()))
        assert sum(coins) == round(100 * float(re.search(r"\$(\d+\.\d\d)", prompt)[1]))
        assert coins == sorted(coins, reverse=True)
        assert all(coins.count(coin) <= most for coin, most in ((200, 2), (100, 1), (50, 1), (20, 2), (10, 1), (1, 1)))
    for prompt, answer in drawn("round_price"):
        assert abs(float(re.search(r"\$(\S+)", prompt)[1]) - int(answer[1:])) <= 0.5
