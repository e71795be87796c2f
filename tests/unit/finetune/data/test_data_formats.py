"""The column conventions of TRL, Alpaca and ShareGPT."""

import pytest

from foretune.errors import DataError
from foretune.finetune.data import Example, Message, prompt_and_completion
from foretune.finetune.data.files import Row
from foretune.finetune.data.formats import FORMATS, read_example

Q, A = Message("user", "q"), Message("assistant", "a")
S = Message("system", "s")


def _turn(role, content):
    return {"role": role, "content": content}


def _read(**values):
    return read_example(Row(values, "data.jsonl, line 7"))


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
    ],
)
def test_conventions(values, messages):
    assert _read(**values) == Example(messages)


def test_text_is_learned_whole():
    example = _read(text="once upon a time")
    assert example == Example(text="once upon a time")
    assert prompt_and_completion(example) == ("", "once upon a time")


def test_prompt_and_completion_of_a_conversation():
    assert prompt_and_completion(Example((S, Q, A))) == ("s\nq", "a")


def test_the_key_of_a_prompt_ignores_the_answer_and_outer_spaces():
    other = Example((Message("user", " q "), Message("assistant", "b")))
    assert Example((Q, A)).prompt_key == other.prompt_key
    assert Example((Q, A)).prompt_key != Example((S, Q, A)).prompt_key
    nothing = Message("user", "")
    assert Example((nothing, A)).prompt_key != Example((nothing, Message("assistant", "b"))).prompt_key


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"question": "q", "answer": "a"},
            "found: 'question', 'answer'; recognized: messages; prompt . completion; .*Rename",
        ),
        ({"prompt": "q"}, "columns missing; found: 'prompt'"),
        ({}, "found: none"),
        ({"prompt": "q", "completion": ""}, "'completion' is empty; fill it in or delete the row"),
        ({"prompt": "q", "completion": " \n"}, "'completion' is empty"),
        ({"prompt": "q", "completion": None}, "'completion' must be a string, found null"),
        ({"prompt": "q", "completion": 5}, "'completion' must be a string, found int; write it in quotes"),
        ({"prompt": 5, "completion": "a"}, "'prompt' must be a string, found int"),
        ({"prompt": "q", "completion": [_turn("user", "a")]}, "'completion' must hold exactly one message"),
        ({"messages": "q"}, "'messages' must be a list, found str; a CSV file cannot hold lists"),
        ({"messages": []}, "the conversation has no messages"),
        ({"messages": ["q"]}, "message 1 of 'messages' must be an object with 'role' and 'content', found str"),
        ({"messages": [_turn("tool", "q")]}, "message 1 of 'messages' has role 'tool'; use one of system, user"),
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
    assert all(column in str(caught.value) for known in FORMATS for column in (*known.columns, *known.optional))
