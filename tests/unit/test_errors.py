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


def test_how_many_there_are():
    assert len(LEAVES) == 10
