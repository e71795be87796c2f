"""Facts of standards."""

import re
from html import unescape
from http import HTTPStatus


def test_reference(drawn) -> None:
    for prompt, answer in drawn("http_status"):
        assert HTTPStatus(int(re.search(r"\d{3}", prompt)[0])).phrase.lower() == answer
    for prompt, answer in drawn("html_entities"):
        assert unescape(answer) in prompt
    for prompt, answer in drawn("hex_color"):
        code = re.search(r"#(\w{6})", prompt)[1]
        assert bytes(map(int, answer.split())).hex() == code
