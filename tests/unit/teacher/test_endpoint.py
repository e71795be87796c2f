"""An endpoint is asked again until it answers; its faults are values, its refusals errors, and its key is nowhere."""

import pytest
from scripted_teacher import serving

from foretune.errors import TeacherError
from foretune.teacher.address import check_reachable, check_url
from foretune.teacher.endpoint import Endpoint
from foretune.teacher.protocol import Failure, Reply, Request

KEY = "sk-secret-123456"
PASSAGE = "=====1=====\na.md\n\nThe sky is blue because of light.\n=====1====="
REQUEST = Request("You write.", PASSAGE, {"type": "object"})


def ask(*first, retries=8, timeout=5.0, **options):
    """The answer of a server with these faults first, and the server."""
    with serving(first=first, **options) as server:
        teacher = Endpoint(server.url, "m", retries=retries, timeout_seconds=timeout)
        return teacher.ask(REQUEST), server


def test_an_answer_has_the_text_and_the_tokens():
    reply, server = ask()
    assert isinstance(reply, Reply)
    assert reply.text.startswith('{"pairs": [{"kind": "factual"')
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 20)
    assert server.log == [(REQUEST.key("m"), "answered")]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("fault", ["429", "500", "dropped", "cut", "no completion"])
def test_an_attempt_that_fails_is_repeated(fault):
    reply, server = ask(fault, fault)
    assert isinstance(reply, Reply)
    assert server.log == [(REQUEST.key("m"), outcome) for outcome in (fault, fault, "answered")]


def test_a_slow_server_is_asked_again_until_it_is_quick():
    reply, server = ask("slow", timeout=0.2, slow=0.4)
    assert isinstance(reply, Reply)
    assert [outcome for _, outcome in server.log] == ["slow", "answered"]


@pytest.mark.parametrize("fault", ["429", "500", "dropped", "no completion"])
def test_a_server_that_always_fails_is_a_failure_without_the_key(fault):
    reply, server = ask(faults={fault: 1.0}, retries=2)
    assert isinstance(reply, Failure)
    assert len(server.log) == 3
    assert KEY not in reply.message
    assert "\n" not in reply.message


@pytest.mark.parametrize(
    ("fault", "said"), [("401", "check the key in the environment variable OPENAI_API_KEY"), ("404", "'m'")]
)
def test_a_refusal_ends_the_run_in_one_line_without_the_key(fault, said):
    with pytest.raises(TeacherError, match=said) as caught:
        ask(fault)
    assert KEY not in str(caught.value)
    assert "[key]" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_request_that_is_forbidden_costs_that_request_alone():
    # Some servers moderate so.
    reply, server = ask("403")
    assert isinstance(reply, Failure)
    assert len(server.log) == 1
    assert KEY not in reply.message


@pytest.mark.parametrize(("parameter", "renamed"), [("max_tokens", True), ("temperature", False)])
def test_a_parameter_that_is_refused_is_left_out_from_then_on(parameter, renamed):
    with serving(refuses=parameter) as server:
        teacher = Endpoint(server.url, "m")
        assert [isinstance(teacher.ask(REQUEST), Reply) for _ in range(2)] == [True, True]
    assert [parameter in body for body in server.bodies] == [True, False, False]
    assert [body.get("max_completion_tokens") for body in server.bodies[1:]] == [4096 if renamed else None] * 2


def test_a_server_without_schemas_is_asked_without_and_once_only():
    with serving(faults={"no schema": 1.0}) as server:
        teacher = Endpoint(server.url, "m")
        for _ in range(2):
            assert isinstance(teacher.ask(REQUEST), Reply)
        assert len(server.log) == 3


def test_an_answer_that_repeats_the_key_loses_it():
    reply, _ = ask("echo")
    assert isinstance(reply, Reply)
    assert reply.text.startswith("Bearer [key] {")


def test_a_request_is_known_by_its_words_and_the_model():
    keys = {REQUEST.key("m"), REQUEST.key("n"), Request("You write.", "Else").key("m")}
    assert len(keys) == 3
    assert Request(REQUEST.system, REQUEST.prompt).key("m") in keys


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8000", "is no address"),
        ("ftp://host/v1", "is no address"),
        ("https://user:sk-secret-123456@host/v1", "put the key into an environment variable"),
        ("https://host/v1?key=sk-secret-123456", "put the key into an environment variable"),
    ],
)
def test_addresses_are_checked_and_secrets_in_them_not_repeated(url, said):
    with pytest.raises(TeacherError, match=said) as caught:
        check_url(url)
    assert KEY not in str(caught.value)


def test_connections_end_with_the_endpoint():
    with serving() as server:
        teacher = Endpoint(server.url, "m")
        assert isinstance(teacher.ask(REQUEST), Reply)
        client = teacher._client
        assert not client.is_closed()
        del teacher
        assert client.is_closed()


def test_a_port_where_nobody_listens_is_said_at_once(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        check_reachable(server.url)
    with pytest.raises(TeacherError, match="nobody answers at 127"):
        check_reachable(server.url)
