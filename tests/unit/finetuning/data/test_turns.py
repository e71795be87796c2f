"""The parts of conversations, whoever wrote them."""

import json

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import Message
from foretune.finetuning.data.turns import read_list, read_messages, read_text, read_tools, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        (float("nan"), None),
        (None, None),
        ("x", "x"),
        ([], []),
    ],
)
def test_numbers_and_truth_values_are_written_as_json_does(value, text):
    assert written(value) == text


@pytest.mark.parametrize(
    ("value", "needed", "message"),
    [
        (None, True, "f: x must be a string, found null; write it in quotes or delete the row"),
        ({"a": 1}, False, "f: x must be a string, found dict"),
        (" \n", True, "f: x is empty; fill it in or delete the row"),
        ("né\udc00", False, "f: x holds half a surrogate pair at character 2; delete it"),
    ],
)
def test_what_is_no_text_is_named(value, needed, message):
    with pytest.raises(DataError, match=f"^{message}"):
        read_text(value, "x", "f", needed=needed)


def test_text_stays_as_it_is():
    assert read_text(" é ", "x", "f") == " é "
    assert read_text("", "x", "f", needed=False) == ""
    assert read_text(1e-05, "x", "f") == "1e-05"


def test_a_list_is_expected():
    assert read_list([1], "x", "f") == [1]
    with pytest.raises(DataError, match="f: x must be a list, found tuple; a CSV file cannot hold lists, use JSONL"):
        read_list((1,), "x", "f")


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"role": "Developer", "content": "s"}, Message("system", "s")),
        ({"from": "GPT", "value": "a"}, Message("assistant", "a")),
        ({"role": "observation", "content": {"é": 1}}, Message("tool", '{"é": 1}')),
        ({"role": "user", "content": 7}, Message("user", "7")),
        ({"role": "user", "content": ""}, Message("user", "")),
        ({"role": "user", "content": ["a", {"type": "input_text", "text": "b"}]}, Message("user", "ab")),
        ({"role": "user", "content": []}, Message("user", "")),
        ({"role": "assistant", "content": "a", "weight": 0}, Message("assistant", "a", learned=False)),
        ({"role": "assistant", "content": "a", "weight": 0.5}, Message("assistant", "a")),
        (
            {"role": "assistant", "content": "a", "thinking": "t", "name": ""},
            Message("assistant", "a", '{"thinking": "t"}'),
        ),
    ],
)
def test_messages_of_all_conventions(turn, message):
    assert read_messages([turn], "'m'", "f") == [message]


def test_calls_are_read_whether_they_are_objects_or_text():
    arguments = {"a": 1, "b": [{"c": 2}]}
    call = {"type": "function", "function": {"name": "add", "arguments": arguments}}
    for calls in (
        [{"function": {"name": "add", "arguments": json.dumps(arguments)}}],
        [{"name": "add", "arguments": arguments}],
        json.dumps([{"function": {"name": "add", "arguments": arguments}}]),
        [{"function": {"name": "add", "arguments": {**arguments, "absent": None}}, "id": None}],
    ):
        (message,) = read_messages([{"role": "assistant", "tool_calls": calls}], "'m'", "f")
        assert (message.content, json.loads(message.other)) == ("", {"tool_calls": [call]})
        assert message.said == message.other
    (message,) = read_messages([{"role": "assistant", "content": None, "tool_calls": [{"name": "now"}]}], "'m'", "f")
    assert json.loads(message.other)["tool_calls"][0]["function"] == {"name": "now", "arguments": {}}


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"content": "a"}, "message 1 of 'm' has role None; use one of system, developer"),
        ({"from": "narrator", "value": "a"}, "message 1 of 'm' has from 'narrator'"),
        ({"role": "assistant", "content": ""}, "'content' of message 1 of 'm' is empty"),
        ({"role": "assistant", "content": [" "]}, "'content' of message 1 of 'm' is empty"),
        ({"role": "user", "content": [3]}, "has a part that is int; only parts of type 'text' can be learned"),
        ({"role": "user", "content": [{"type": "text"}]}, "has a part of type 'text'"),
        ({"role": "user", "content": {"a": 1}}, "'content' of message 1 of 'm' must be a string, found dict"),
        ({"role": "assistant", "tool_calls": "[{"}, "'tool_calls' of message 1 of 'm' is no valid JSON"),
        ({"role": "assistant", "tool_calls": {"name": "a"}}, "'tool_calls' of message 1 of 'm' must be a list"),
        ({"role": "assistant", "tool_calls": ["add"]}, "needs the name of a function in each call"),
        (
            {"role": "assistant", "tool_calls": [{"name": "add", "arguments": "{"}]},
            "'arguments' of message 1 of 'm' is no valid JSON",
        ),
    ],
)
def test_a_message_that_cannot_be_read_is_named(turn, message):
    with pytest.raises(DataError, match=f"^f: .*{message}".replace("[", r"\[")):
        read_messages([turn], "'m'", "f")


def test_tools_are_one_json_text():
    tools = [{"name": "add", "parameters": {"a": {"type": "integer"}}}]
    assert (
        json.loads(read_tools(tools, "'tools'", "f"))
        == json.loads(read_tools(json.dumps(tools), "'tools'", "f"))
        == tools
    )
    assert [read_tools(nothing, "'tools'", "f") for nothing in (None, "", [])] == ["", "", ""]
    with pytest.raises(DataError, match="f: 'tools' must hold a JSON schema for each tool"):
        read_tools('["add"]', "'tools'", "f")
    with pytest.raises(
        DataError, match=r"f: 'tools' is no valid JSON .nested too deeply.; correct it or delete the row"
    ):
        read_tools("[" * 5000, "'tools'", "f")


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (
            {"role": "tool", "content": {"a": "\ud800"}},
            "'content' of message 1 of 'messages' holds half a surrogate pair",
        ),
        ({"role": "user", "content": "x", "name": "\ud800"}, "message 1 of 'messages' holds half a surrogate pair"),
    ],
)
def test_no_part_of_a_message_holds_what_cannot_be_written(turn, message):
    with pytest.raises(DataError, match=f"f: {message}"):
        read_messages([turn], "'messages'", "f")
    with pytest.raises(DataError, match="f: 'tools' holds half a surrogate pair"):
        read_tools([{"name": "\ud800"}], "'tools'", "f")
