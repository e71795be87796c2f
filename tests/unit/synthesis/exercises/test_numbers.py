"""Numbers in other notations, and sums with them."""

import re

import pytest

from foretune.synthesis.exercises.numbers import in_words, roman


def test_roman_numerals_both_ways(drawn):
    worth = dict(zip("IVXLCDM", (1, 5, 10, 50, 100, 500, 1000), strict=True))

    def number(numeral):
        values = [worth[letter] for letter in numeral]
        pairs = zip(values, [*values[1:], 0], strict=True)
        return sum(-value if value < following else value for value, following in pairs)

    for prompt, completion in drawn("to_roman"):
        assert number(completion) == int(re.search(r"\d+", prompt)[0])
        assert not re.search(r"(.)\1{3}", completion)
    for prompt, completion in drawn("from_roman"):
        assert number(re.search(r"is ([A-Z ]+) in", prompt)[1].replace(" ", "")) == int(completion)


def test_numbers_in_words():
    assert in_words(0) == "zero"
    assert in_words(42) == "forty-two"
    assert in_words(310) == "three hundred ten"
    assert in_words(19_005) == "nineteen thousand five"
    assert in_words(7_680) == "seven thousand six hundred eighty"
    assert len({in_words(number) for number in range(20_000)}) == 20_000


def test_units_agree_with_meters_grams_seconds(drawn):
    sizes = {"kilometers": 100_000, "meters": 100, "centimeters": 1, "kilograms": 1000, "grams": 1, "weeks": 604_800}
    sizes |= {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1, "liters": 1000, "milliliters": 1}
    checked = 0
    for prompt, completion in drawn("units"):
        to, count, unit = re.fullmatch(r"How many (\w+) are (\d+) (\w+)\?", prompt).groups()
        if to in sizes:
            checked += 1
            assert int(count) * sizes[unit] == int(completion) * sizes[to]
    assert checked > 100


def test_word_problems_add_take_away_and_multiply(drawn):
    for prompt, completion in drawn("word_problems"):
        one, other = map(int, re.findall(r"\d+", prompt))
        expected = one - other if "gave away" in prompt else one * other if "boxes of" in prompt else one + other
        assert int(completion) == expected > 0


def test_the_largest_number_is_copied(drawn):
    for prompt, answer in drawn("largest_number"):
        assert int(answer) == max(map(int, re.findall(r"\d+", prompt)))


@pytest.mark.parametrize(
    ("number", "text"), [(1, "I"), (4, "IV"), (1994, "MCMXCIV"), (3999, "MMMCMXCIX"), (444, "CDXLIV")]
)
def test_roman_numerals(number, text):
    assert roman(number) == text
