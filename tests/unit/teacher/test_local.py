"""A local model answers within its positions."""

from foretune.teacher.local import LocalModel
from foretune.teacher.protocol import Failure, Reply, Request


def test_a_short_prompt_is_answered_and_a_long_one_refused(tiny_model):
    teacher = LocalModel(str(tiny_model), device="cpu")
    reply = teacher.ask(Request("You write.", "red green blue", max_tokens=5))
    assert isinstance(reply, Reply)
    assert reply.completion_tokens <= 6
    assert 32 < reply.prompt_tokens < 80
    assert isinstance(teacher.ask(Request("You write.", "red " * 300)), Failure)
