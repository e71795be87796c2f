"""Forms of words and sentences."""

import re

import pytest

from foretune.synthesis.exercises import grammar


@pytest.mark.parametrize(
    ("name", "prompt", "answer"),
    [
        ("plural", r"Plural of \w+y\?", r"\w+(ies|oys)"),
        ("passive", r"Passive: \w+ \w+ the \w+\.", r"The \w+ was \w+ by \w+\."),
        ("question_form", r"As a question: \w+ \w+ \w+ \w+\.", r"Did \w+ \w+ \w+ \w+\?"),
    ],
)
def test_grammar(drawn, name: str, prompt: str, answer: str) -> None:
    matching = [pair for pair in drawn(name) if re.fullmatch(prompt, pair[0])]
    assert len(matching) > 20
    assert all(re.fullmatch(answer, completion) for _, completion in matching)


@pytest.mark.parametrize(
    ("word", "plural"),
    [
        ("child", "children"),
        ("mouse", "mice"),
        ("bakip", "bakips"),
        ("bakipy", "bakipies"),
        ("bakipoy", "bakipoys"),
        ("bakis", "bakises"),
        ("bakipx", "bakipxes"),
        ("bakipsh", "bakipshes"),
        ("bakipch", "bakipches"),
    ],
)
def test_plurals(word: str, plural: str) -> None:
    assert grammar._plural(word) == plural


def test_plurals_of_words_that_are_drawn_follow_the_rules(drawn) -> None:
    assert all(grammar._plural(prompt[10:-1]) == answer for prompt, answer in drawn("plural"))
    assert {"child", "foot", "man", "mouse", "tooth", "woman"} <= {prompt[10:-1] for prompt, _ in drawn("plural", 1000)}


def test_both_rewritings_of_a_verb_agree_with_its_past(drawn) -> None:
    past = {"broke", "built", "cleaned", "drew", "found", "hid", "moved", "opened", "saw", "sold", "took", "washed"}
    participle = {}
    for prompt, answer in drawn("passive"):
        name, verb, thing = re.fullmatch(r"Passive: (\w+) (\w+) the (\w+)\.", prompt).groups()
        participle[verb] = answer.removeprefix(f"The {thing} was ").removesuffix(f" by {name}.")
    plain = {}
    for prompt, answer in drawn("question_form"):
        name, verb, rest = re.fullmatch(r"As a question: (\w+) (\w+) (.*)\.", prompt).groups()
        plain[verb] = answer.removeprefix(f"Did {name} ").removesuffix(f" {rest}?")
    assert set(participle) == set(plain) == past
    assert (participle["broke"], plain["broke"]) == ("broken", "break")
    assert (participle["saw"], plain["saw"]) == ("seen", "see")
    assert (participle["sold"], plain["sold"]) == ("sold", "sell")
