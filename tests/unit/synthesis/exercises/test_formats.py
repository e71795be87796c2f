"""The same content in another notation."""

import re


def test_formats(drawn) -> None:
    for prompt, answer in drawn("to_binary"):
        assert int(answer.replace(" ", ""), 2) == int(re.search(r"\d+", prompt)[0])
    for prompt, answer in drawn("to_markdown"):
        assert answer.strip("| ").split(" | ") == prompt.split(": ")[1].split(",")
    for prompt, answer in drawn("query_string"):
        assert re.findall(r"(\w+) is (\w+)", prompt) == [tuple(part.split("=")) for part in answer[1:].split("&")]
