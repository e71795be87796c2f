"""Counts of letters, words and things."""

import re


def test_counting(drawn) -> None:
    for prompt, answer in drawn("count_letter"):
        letter, words = re.fullmatch(r"How many times is (\w) in: (.*)\?", prompt).groups()
        assert len(re.findall(letter, words)) == int(answer)
    for prompt, answer in drawn("count_colored"):
        color = re.search(r"How many (\w+) things", prompt)[1]
        assert sum(map(int, re.findall(rf"(\d) {color} ", prompt))) == int(answer)
