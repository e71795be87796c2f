"""What an example is, and the key that keeps it in one split."""

from foretune.finetuning.data import Example, Message, prompt_and_completion

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
