"""What an example is, and the key that keeps it in one split."""

from dataclasses import replace

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, Splits, prompt_and_completion
from foretune.finetuning.data.examples import not_learned

Q, A = Message("user", "q"), Message("assistant", "a")


S = Message("system", "s")


def test_prompt_and_completion_of_a_conversation():
    assert prompt_and_completion(Example((S, Q, A))) == ("s\nq", "a")


def test_the_key_of_a_prompt_ignores_the_answer_and_outer_spaces():
    other = Example((Message("user", " q "), Message("assistant", "b")))
    assert Example((Q, A)).prompt_key == other.prompt_key
    assert Example((Q, A)).prompt_key != Example((S, Q, A)).prompt_key
    nothing = Message("user", "")
    assert Example((nothing, A)).prompt_key != Example((nothing, Message("assistant", "b"))).prompt_key


def test_an_example_is_a_conversation_or_a_text():
    for given in ({}, {"messages": (Q, A), "text": "t"}):
        with pytest.raises(DataError, match=r"^d.jsonl, line 1: expected either messages or text; give one of the two"):
            Example(**given, where="d.jsonl, line 1")


@pytest.mark.parametrize(
    ("messages", "roles"), [((A,), "assistant"), ((A, Q), "assistant, user"), ((Q, Q), "user, user")]
)
def test_a_conversation_ends_with_an_answer(messages, roles):
    with pytest.raises(
        DataError, match=f"an example: a conversation must end .*, but its roles are: {roles}. Add what"
    ):
        Example(messages)


def test_answers_are_learned_that_answer_something():
    other = replace(A, learned=False)
    assert Example((Q, A, Q, A)).learned == (1, 3)
    assert Example((A, Q, A)).learned == (2,)
    assert Example((Q, other, Q, A)).learned == (3,)
    # The last answer always is.
    assert Example((Q, A, Q, other)).learned == (1, 3)
    assert Example((Q, A, Q, A)).last_turn_only().messages == (Q, other, Q, A)
    assert not_learned((Q, A)) == (Q, other)


def test_the_key_of_raw_text_is_the_text_and_roles_tell_prompts_apart():
    assert Example(text=" once ").prompt_key == Example(text="once").prompt_key
    assert Example((Q, A)).prompt_key != Example((Message("tool", "q"), A)).prompt_key
    assert Example((Q, A, Message("user", "a"), A)).prompt_key != Example((Q, A)).prompt_key


def test_a_message_says_its_content_or_else_its_calls():
    assert Message("assistant", "", "{}").said == "{}"
    assert Message("assistant", "a", "{}").said == "a"


@pytest.mark.parametrize("empty", ["train", "validation", "test"])
def test_every_split_has_a_row(empty):
    parts = {split: () if split == empty else (Example((Q, A)),) for split in ("train", "validation", "test")}
    with pytest.raises(DataError, match=f"mine: the {empty} split has no rows; give it at least one"):
        Splits("mine", **parts)
