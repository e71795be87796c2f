"""Errors that a user can meet."""

import pytest

from foretune import errors

LEAVES = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.ForetuneError]


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_is_of_the_base_and_of_the_standard_library(leaf):
    assert issubclass(leaf, errors.ForetuneError)
    assert issubclass(leaf, ValueError | OSError)
    assert not leaf.__subclasses__()
    assert str(leaf("what to do")) == "what to do"


def test_a_message_is_one_line_whatever_is_quoted_in_it():
    said = str(errors.DataError("a\x1b[2Jb\nc\u2028d \ud800\xa0é"))
    assert said == "a\N{REPLACEMENT CHARACTER}[2Jb c d \N{REPLACEMENT CHARACTER} é"


def test_rows_of_a_list_have_their_own_lines():
    assert str(errors.DataError("bad rows:\n  line 1: a\rb\n  line 2: c")) == "bad rows:\n  line 1: a b\n  line 2: c"


def test_how_many_there_are():
    assert len(LEAVES) == 10
