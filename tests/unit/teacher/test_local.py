"""A local model answers within its positions."""

import json

from foretune.teacher.local import LocalModel
from foretune.teacher.protocol import Failure, Reply, Request


def test_a_short_prompt_is_answered_and_a_long_one_refused(tiny_model):
    teacher = LocalModel(str(tiny_model), device="cpu")
    reply = teacher.ask(Request("You write.", "red green blue", max_tokens=5))
    assert isinstance(reply, Reply)
    assert reply.completion_tokens <= 6
    assert 32 < reply.prompt_tokens < 80
    assert isinstance(teacher.ask(Request("You write.", "red " * 300)), Failure)


def test_an_answer_keeps_to_the_schema_whatever_the_model_would_say(tiny_model):
    schema = {
        "type": "object",
        "properties": {"color": {"enum": ["red", "green"]}, "why": {"type": "string", "maxLength": 5}},
        "required": ["color", "why"],
        "additionalProperties": False,
    }
    reply = LocalModel(str(tiny_model), device="cpu").ask(Request("You write.", "red green", schema, max_tokens=60))
    assert isinstance(reply, Reply)
    answer = json.loads(reply.text)
    assert answer["color"] in {"red", "green"}
    assert len(answer["why"]) <= 5
