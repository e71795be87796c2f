"""The second of two almost equal texts is found."""

import pytest

from foretune.synthesis.questions.near_duplicates import NearDuplicates, is_another


@pytest.mark.parametrize(
    ("second", "new"),
    [
        ("which option limits the number of pairs", False),
        ("Which option limits the number of the pairs?", False),
        ("Which option limits the seconds of a search?", True),
        ("", True),
    ],
)
def test_a_text_is_new_unless_it_shares_most_sequences_with_an_earlier_one(second, new):
    seen = NearDuplicates(0.7)
    assert seen.add("What is a meta-dataset?")
    assert seen.add("Which option limits the number of pairs?")
    assert seen.add(second) is new


def test_a_text_that_was_refused_is_not_compared_with():
    seen = NearDuplicates(0.7)
    texts = ["abcdefghij klmnopqrst", "abcdefghij klmnopqr", "abcdefghij klm"]
    assert [seen.add(text) for text in texts] == [True, False, True]


RANK = ("What does the option --rank do?", "It sets the size of the adapter's matrices.")
PAIRS = ("Which option limits the number of pairs?", "The option --rows does.")
EPOCHS = ("How many epochs does a dataset of 60 rows get?", "It gets 12 epochs.")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RANK, ("What does the option --rate do?", "It sets the learning rate of the optimizer.")),
        (RANK, ("What does the option --rank-pattern do?", "It gives single layers a size of their own.")),
        (EPOCHS, ("How many epochs does a dataset of 9000 rows get?", "It gets 2 epochs.")),
        (("What is the capital of Iran?", "Tehran."), ("What is the capital of Iraq?", "Baghdad.")),
        (
            ("Which exception does Path.open raise for a folder?", "It raises IsADirectoryError."),
            ("Which exception does Path.open raise for a missing file?", "It raises FileNotFoundError."),
        ),
    ],
)
def test_a_question_with_another_name_and_another_answer_is_new(first, second):
    assert is_another(first, second)
    assert is_another(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (RANK, RANK),
        (RANK, ("What does the option --rank do, please?", "The rank is the width of the two matrices.")),
        (RANK, ("What does the setting --rank do?", "It sets how large the matrices of an adapter are: their size.")),
        (PAIRS, ("Which option limits the number of the pairs?", "That is --rows.")),
        (PAIRS, ("Which setting limits the number of pairs?", "The number of pairs is limited by --rows.")),
        (PAIRS, ("Which option limited the numbers of pairs?", "None.")),
        (EPOCHS, ("How many epochs does a dataset with 60 rows have?", "A dataset with 60 rows has 12 epochs.")),
        (("Is --rank an option of tune?", "Yes."), ("Is --rate an option of tune?", "Yes, it is.")),
        (
            ("Who invented the option --rank?", "The documentation does not tell who invented --rank."),
            ("Who invented the option --rate?", "The documentation does not tell who invented --rate."),
        ),
    ],
)
def test_a_rephrased_question_is_none(first, second):
    assert not is_another(first, second)
    assert not is_another(second, first)


def test_almost_the_same_text_is_kept_with_another_answer_only():
    seen = NearDuplicates(0.7)
    asked = "Which value does the option --{} of the command foretune tune have by default?"
    assert seen.add(asked.format("rank"), "Eight.")
    assert seen.add(asked.format("rate"), "The rate of the first pick.")
    assert not seen.add(asked.format("rate"), "Another one.")
    assert not seen.add(asked.format("rank"), "By default it is eight.")
    assert not seen.add(asked.format("seed"))
