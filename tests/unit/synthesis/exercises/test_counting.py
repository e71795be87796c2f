"""Counts of letters, words and things."""

import re


def test_counting(drawn) -> None:
    for prompt, answer in drawn("count_letter"):
        letter, words = re.fullmatch(r"How many times is (\w) in: (.*)\?", prompt).groups()
        assert len(re.findall(letter, words)) == int(answer)
    for prompt, answer in drawn("count_colored"):
        color = re.search(r"How many (\w+) things", prompt)[1]
        assert sum(map(int, re.findall(rf"(\d) {color} ", prompt))) == int(answer)


def test_words_are_counted_in_words(drawn):
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    seen = {len(prompt.partition(": ")[2].split()): answer for prompt, answer in drawn("count_words")}
    assert seen == dict(enumerate(names, start=1))
