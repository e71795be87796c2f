"""The second of two almost equal texts is found."""

import pytest

from foretune.synthesis.questions.near_duplicates import NearDuplicates


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
