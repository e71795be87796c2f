"""The answers of the exercises that confirmation tasks are made of, computed here in another way."""

import itertools
import re
from datetime import datetime, timedelta
from html import unescape
from http import HTTPStatus

import numpy as np
import pytest

from foretune.synthesis.exercises import EXERCISES


def drawn(name: str, count: int = 300) -> list[tuple[str, str]]:
    rng = np.random.default_rng(5)
    return list(itertools.islice(EXERCISES[name].generate(rng), count))


def test_ordering() -> None:
    for prompt, answer in drawn("sort_numbers"):
        numbers = sorted(map(int, prompt.split(": ")[1].split()), reverse="largest" in prompt)
        assert answer == " ".join(map(str, numbers))
    for prompt, answer in drawn("place_in_line"):
        people = re.findall(r"[A-Z]\w+", prompt.split(": ")[1].split(".")[0])
        place = ["first", "second", "third", "fourth", "fifth", "sixth"].index(prompt.split("Who is ")[1].split()[0])
        assert answer == (people[::-1] if "the back" in prompt else people)[place]
    for prompt, answer in drawn("order_steps"):
        assert sorted(prompt.split(": ")[1].split("; ")) == sorted(answer.split("; "))


def test_counting() -> None:
    for prompt, answer in drawn("count_letter"):
        letter, words = re.fullmatch(r"How many times is (\w) in: (.*)\?", prompt).groups()
        assert len(re.findall(letter, words)) == int(answer)
    for prompt, answer in drawn("count_colored"):
        color = re.search(r"How many (\w+) things", prompt)[1]
        assert sum(map(int, re.findall(rf"(\d) {color} ", prompt))) == int(answer)


def test_correction() -> None:
    for prompt, answer in drawn("swapped_letters"):
        wrong = prompt.split(": ")[1]
        assert sorted(wrong) == sorted(answer)
        assert sum(a != b for a, b in zip(wrong, answer, strict=True)) in {0, 2}
    for prompt, answer in drawn("capitals"):
        assert answer.lower() == prompt.split(": ")[1] + "."
    for prompt, answer in drawn("verb_form"):
        assert answer.endswith("s") != (" and " in prompt)


def test_clock() -> None:
    for prompt, answer in drawn("minutes_later"):
        start, minutes = re.search(r"It is (\S+)\..*later|", prompt)[1], int(re.search(r"(\d+) minutes", prompt)[1])
        assert (datetime.strptime(start, "%H:%M") + timedelta(minutes=minutes)).strftime("%H:%M") == answer
    for prompt, answer in drawn("half_day"):
        assert datetime.strptime(answer, "%I:%M %p").strftime("%H:%M") == prompt.split()[1]
    for prompt, answer in drawn("duration"):
        one, two = (datetime.strptime(text, "%H:%M") for text in re.findall(r"\d\d:\d\d", prompt))
        hours, minutes = map(int, re.findall(r"\d+", answer))
        assert (two - one) % timedelta(days=1) == timedelta(hours=hours, minutes=minutes)


def test_grid() -> None:
    steps = {"north": 1j, "east": 1, "south": -1j, "west": -1}
    for prompt, answer in drawn("walk"):
        end = sum(steps[wind] * int(count) for wind, count in re.findall(r"(north|east|south|west) (\d)", prompt))
        assert complex(*map(int, answer.split(","))) == end
    for prompt, answer in drawn("turns"):
        facing = steps[re.search(r"faces (\w+)", prompt)[1]]
        for side in re.findall(r"left|right|around", prompt):
            facing *= {"left": 1j, "right": -1j, "around": -1}[side]
        assert facing == steps[answer]
    for prompt, answer in drawn("cell_distance"):
        (a, i), (b, j) = re.findall(r"\b([A-H])(\d)\b", prompt)
        assert abs(ord(a) - ord(b)) + abs(int(i) - int(j)) == int(answer)


def test_logic() -> None:
    for prompt, answer in drawn("truth_value"):
        value = eval(prompt.rstrip(" =").replace("true", "True").replace("false", "False"))  # noqa: S307
        assert str(value).lower() == answer
    for prompt, answer in drawn("extreme_person"):
        over = dict(re.findall(r"(\w+) is \w+ than (\w+)\.", prompt))
        top = (set(over) - set(over.values())).pop()
        bottom = (set(over.values()) - set(over)).pop()
        assert answer == (top if re.search(r"tallest|oldest|fastest", prompt) else bottom)
    for prompt, answer in drawn("category_chain"):
        told = "unknown" if re.search(r"\. No \w+ is a", prompt) else "no" if prompt.startswith("No") else "yes"
        assert answer == told


def test_formats() -> None:
    for prompt, answer in drawn("to_binary"):
        assert int(answer.replace(" ", ""), 2) == int(re.search(r"\d+", prompt)[0])
    for prompt, answer in drawn("to_markdown"):
        assert answer.strip("| ").split(" | ") == prompt.split(": ")[1].split(",")
    for prompt, answer in drawn("query_string"):
        assert re.findall(r"(\w+) is (\w+)", prompt) == [tuple(part.split("=")) for part in answer[1:].split("&")]


@pytest.mark.parametrize(
    ("name", "prompt", "answer"),
    [
        ("plural", r"Plural of \w+y\?", r"\w+(ies|oys)"),
        ("passive", r"Passive: \w+ \w+ the \w+\.", r"The \w+ was \w+ by \w+\."),
        ("question_form", r"As a question: \w+ \w+ \w+ \w+\.", r"Did \w+ \w+ \w+ \w+\?"),
    ],
)
def test_grammar(name: str, prompt: str, answer: str) -> None:
    matching = [pair for pair in drawn(name) if re.fullmatch(prompt, pair[0])]
    assert len(matching) > 20
    assert all(re.fullmatch(answer, completion) for _, completion in matching)


def test_codes() -> None:
    signs: dict[str, set[str]] = {}
    for prompt, answer in drawn("morse"):
        for letter, sign in zip(prompt.split(": ")[1].split(), answer.split(" / "), strict=True):
            signs.setdefault(letter, set()).add(sign)
    assert len(signs) == len({min(found) for found in signs.values()}) == 26
    assert {len(found) for found in signs.values()} == {1}
    assert signs["s"] | signs["o"] == {"...", "---"}
    for prompt, answer in drawn("pig_latin"):
        for word, changed in zip(prompt.split(": ")[1].split(), answer.split(), strict=True):
            assert changed.endswith("ay")
            assert sorted(changed[:-2]) == sorted(word)
    names = {}
    for prompt, answer in drawn("secret_names"):
        for thing, secret in zip(prompt.split(": ")[1].split(), answer.split(), strict=True):
            assert names.setdefault(thing, secret) == secret
    assert len(names) == 40


def test_money() -> None:
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


def test_reference() -> None:
    for prompt, answer in drawn("http_status"):
        assert HTTPStatus(int(re.search(r"\d{3}", prompt)[0])).phrase.lower() == answer
    for prompt, answer in drawn("html_entities"):
        assert unescape(answer) in prompt
    for prompt, answer in drawn("hex_color"):
        code = re.search(r"#(\w{6})", prompt)[1]
        assert bytes(map(int, answer.split())).hex() == code
