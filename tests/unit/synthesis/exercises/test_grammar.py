"""Forms of words and sentences."""

import re

import pytest


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
