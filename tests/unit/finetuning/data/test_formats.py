"""The column conventions of TRL, Alpaca and ShareGPT."""

import json

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, prompt_and_completion
from foretune.finetuning.data.files import Decimal
from foretune.finetuning.data.formats import FORMATS, read_row
from foretune.finetuning.data.rows import Row

Q, A = Message("user", "q"), Message("assistant", "a")


S = Message("system", "s")


def _turn(role, content):
    return {"role": role, "content": content}


def _read(**values):
    return read_row(Row(values, "data.jsonl, line 7"), {}).example


@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({"messages": [_turn("system", "s"), _turn("user", "q"), _turn("assistant", "a")]}, (S, Q, A)),
        ({"prompt": "q", "completion": "a", "id": 3}, (Q, A)),
        ({"prompt": [_turn("system", "s"), _turn("user", "q")], "completion": [_turn("assistant", "a")]}, (S, Q, A)),
        ({"prompt": [_turn("user", "q")], "completion": "a"}, (Q, A)),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, (Q, A)),
        ({"instruction": "q", "output": "a", "text": "### Instruction: q"}, (Q, A)),
        ({"instruction": "q", "input": "", "output": "a", "system": None, "history": None}, (Q, A)),
        ({"instruction": "q", "input": "i", "output": "a"}, (Message("user", "q\ni"), A)),
        ({"instruction": "q", "output": "a", "system": "s", "history": [["q", "a"]]}, (S, Q, A, Q, A)),
        ({"messages": None, "prompt": "q", "completion": "a"}, (Q, A)),
        ({"Question": "q", "Answer": "a"}, (Q, A)),
        ({" Input": "q", "OUTPUT ": "a"}, (Q, A)),
        ({"query": "q", "response": "a"}, (Q, A)),
        ({"instruction": "q", "response": "a", "context": "i"}, (Message("user", "q\ni"), A)),
        ({"text": "q", "label": "a"}, (Q, A)),
        ({"text": "q", "label": 0, "label_text": "a"}, (Q, A)),
        ({"sentence": "q", "label": 3}, (Q, Message("assistant", "3"))),
        ({"prompt": 1, "completion": True}, (Message("user", "1"), Message("assistant", "true"))),
        ({"prompt": "q", "completion": Decimal("1.50")}, (Q, Message("assistant", "1.50"))),
        ({"Prompt": "other", "prompt": "q", "completion": "a"}, (Q, A)),
        ({"conversations": [_turn("Human", "q"), _turn("Assistant", "a")], "system": "s"}, (S, Q, A)),
        (
            {"messages": [_turn("developer", "s"), _turn("user", [{"type": "text", "text": "q"}]), _turn("bot", "a")]},
            (S, Q, A),
        ),
        (
            {
                "messages": [
                    _turn("user", [{"type": "text", "text": "q"}, {"type": "text", "text": "r"}]),
                    _turn("assistant", "a"),
                ]
            },
            (Message("user", "qr"), A),
        ),
        (
            {
                "messages": [
                    _turn("user", "q"),
                    {**_turn("assistant", "a"), "weight": 0},
                    _turn("user", "q"),
                    _turn("assistant", "a"),
                ]
            },
            (Q, Message("assistant", "a", learned=False), Q, A),
        ),
        (
            {"prompt": [_turn("user", "q"), _turn("assistant", "a"), _turn("user", "q")], "completion": "a"},
            (Q, Message("assistant", "a", learned=False), Q, A),
        ),
    ],
)
def test_conventions(values, messages):
    assert _read(**values) == Example(messages)


def test_text_is_learned_whole():
    example = _read(text="once upon a time")
    assert example == Example(text="once upon a time")
    assert prompt_and_completion(example) == ("", "once upon a time")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"topic": "q", "reply": "a"},
            "found: 'topic', 'reply'; recognized: messages, prompt.completion, .*--columns prompt=",
        ),
        (
            {"Prompt": "q"},
            "columns missing; found: 'Prompt'; 'Prompt' needs 'completion' beside it: fill it in, or say",
        ),
        ({}, "found: none"),
        ({"prompt": "q", "completion": ""}, "'completion' is empty; fill it in or delete the row"),
        ({"prompt": "q", "completion": " \n"}, "'completion' is empty"),
        ({"prompt": "q", "completion": None}, "'completion' must be a string, found null"),
        ({"prompt": "q", "completion": {"a": 5}}, "'completion' must be a string, found dict; write it in quotes"),
        ({"Question": "q", "Answer": float("nan")}, "'Answer' must be a string, found null"),
        ({"text": ["q"], "label": "a"}, "'text' must be a string, found list"),
        ({"prompt": "q", "completion": [_turn("user", "a")]}, "'completion' must begin with the assistant's message"),
        ({"messages": "q"}, "'messages' must be a list, found str; a CSV file cannot hold lists"),
        ({"messages": []}, "the conversation has no messages"),
        ({"messages": ["q"]}, "message 1 of 'messages' must be an object with 'role' and 'content', found str"),
        ({"messages": [_turn("narrator", "q")]}, "message 1 of 'messages' has role 'narrator'; use one of system, de"),
        (
            {"messages": [_turn("user", [{"type": "image_url", "image_url": {}}]), _turn("assistant", "a")]},
            "'content' of message 1 of 'messages' has a part of type 'image_url'; only parts of type 'text'",
        ),
        (
            {"messages": [_turn("user", "q"), {"role": "assistant", "tool_calls": [{"id": "1"}]}]},
            "'tool_calls' of message 2 of 'messages' needs the name of a function in each call",
        ),
        ({"messages": [_turn("user", "q"), _turn("assistant", "a")], "tools": "[{"}, "'tools' is no valid JSON"),
        ({"messages": [_turn("user", "q"), _turn("assistant", "a")], "tools": ["f"]}, "a JSON schema for each tool"),
        ({"messages": [_turn("user", "q"), _turn("assistant", "")]}, "'content' of message 2 of 'messages' is empty"),
        (
            {"messages": [_turn("assistant", "a"), _turn("user", "q")]},
            "must end with the assistant's answer .*assistant, user",
        ),
        ({"messages": [_turn("assistant", "a")]}, "an earlier message, but its roles are: assistant"),
        ({"instruction": "q", "output": ""}, "'output' is empty"),
        ({"instruction": "q", "output": "a", "history": [["q"]]}, "turn 1 of 'history' must be a pair"),
        (
            {"conversations": [{"from": "human", "text": "q"}]},
            "'value' of message 1 of 'conversations' must be a string",
        ),
        ({"text": "half \ud83d of it"}, "'text' holds half a surrogate pair at character 5"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(values, message):
    with pytest.raises(DataError, match=f"^data.jsonl, line 7: .*{message}"):
        _read(**values)


def test_every_convention_is_named_in_the_message():
    with pytest.raises(DataError) as caught:
        _read(other="x")
    assert all(column in str(caught.value) for known in FORMATS for column in known.columns)


def test_tools_and_tool_calls_are_read_as_trl_reads_them():
    schema = {"type": "function", "function": {"name": "add", "parameters": {"a": {"type": "integer", "x": None}}}}
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
    turns = [
        _turn("user", "2 + 2?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "name": "add", "tool_call_id": "1", "content": "4"},
        _turn("assistant", "4"),
    ]
    # Parquet fills fields that an object does not have with null; JSON text is as it was written.
    bare = json.loads(json.dumps(schema).replace(', "x": null', ""))
    for tools, expected in (([schema], bare), (json.dumps([schema]), schema)):
        example = _read(messages=turns, tools=tools)
        assert json.loads(example.tools) == [expected]
        assert [message.role for message in example.messages] == ["user", "assistant", "tool", "assistant"]
        assert json.loads(example.messages[1].other) == {
            "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2}}, "id": "1"}]
        }
        assert json.loads(example.messages[2].other) == {"tool_call_id": "1", "name": "add"}
        assert example.learned == (1, 3)
        assert example.last_turn_only().learned == (3,)


def test_columns_that_were_taken_are_known():
    reading = read_row(Row({"ID": 1, "Question": "q", "Answer": 2, "context": None}, "a"), {})
    assert (reading.used, reading.written) == ({"Question", "Answer", "context"}, True)
    reading = read_row(Row({"text": "t", "q": "q", "a": "a"}, "a"), {"prompt": "q", "completion": "a"})
    assert reading.example == Example((Q, A))
    assert (reading.used, reading.written) == ({"q", "a"}, False)
