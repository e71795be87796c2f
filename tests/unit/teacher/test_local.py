"""A local model answers within its positions."""

import json
from dataclasses import replace

import pytest

from foretune.teacher.local import LocalModel
from foretune.teacher.protocol import Failure, Reply, Request


def test_a_short_prompt_is_answered_and_a_long_one_refused(tiny_model):
    teacher = LocalModel(str(tiny_model), device="cpu")
    reply = teacher.ask(Request("You write.", "red green blue", max_tokens=5))
    assert isinstance(reply, Reply)
    assert reply.completion_tokens <= 6
    assert 32 < reply.prompt_tokens < 80
    assert isinstance(teacher.ask(Request("You write.", "red " * 300)), Failure)


SCHEMA = {
    "type": "object",
    "properties": {"color": {"enum": ["red", "green"]}, "why": {"type": "string", "maxLength": 5}},
    "required": ["color", "why"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_an_answer_keeps_to_the_schema_whatever_the_model_would_say(tiny_model, temperature):
    teacher = LocalModel(str(tiny_model), device="cpu")
    request = Request("You write.", "red green", SCHEMA, max_tokens=60, temperature=temperature)
    replies = [teacher.ask(replace(request, max_tokens=most)) for most in (60, 60, 61, 62)]
    texts = [reply.text for reply in replies if isinstance(reply, Reply)]
    assert [json.loads(text)["color"] in {"red", "green"} for text in texts] == [True] * 4
    assert max(len(json.loads(text)["why"]) for text in texts) <= 5
    # The same request has the same answer; another has another where answers are drawn.
    assert texts[0] == texts[1]
    assert len(set(texts)) == (1 if temperature == 0 else 3)
