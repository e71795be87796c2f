"""Conclusions from statements."""

import re


def test_logic(drawn) -> None:
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
