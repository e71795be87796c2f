"""Libraries of other tools."""

import json.decoder

import pytest

from foretune.errors import InteropError
from foretune.interop.optional import library


def test_a_module_inside_a_library_is_loaded():
    assert library("json.decoder", "unused") is json.decoder


def test_a_library_that_is_not_there_is_named_with_the_extra_that_brings_it():
    with pytest.raises(
        InteropError, match=r"needs no_such_tool\.tracking \(No module named 'no_such_tool'\); .*'foretune\[mlflow\]'"
    ):
        library("no_such_tool.tracking", "mlflow")
