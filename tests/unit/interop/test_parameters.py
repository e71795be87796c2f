"""Hyperparameters without types, and files beside the runs."""

import pytest

from foretune.errors import InteropError
from foretune.interop.parameters import settings_of, typed


def test_text_gets_the_type_that_all_rows_allow():
    rows = [{"r": "8", "lr": "1e-4", "on": "True", "kind": "a"}, {"r": "16", "lr": "1", "on": "false", "kind": "None"}]
    assert typed(rows) == [{"r": 8, "lr": 1e-4, "on": True, "kind": "a"}, {"r": 16, "lr": 1.0, "on": False}]


def test_settings_are_of_one_run_or_of_all(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("one: {rank: 8}\ntwo: {rank: 16}\n")
    assert settings_of("two", file) == {"rank": 16}
    with pytest.raises(InteropError, match="no settings for the run 'three', only for one, two"):
        settings_of("three", file)
    file.write_text("rank: 4\n")
    assert settings_of("three", file) == {"rank": 4}
    file.write_text("rank: [4]\n")
    with pytest.raises(InteropError, match=r"'rank' is \[4\]"):
        settings_of("three", file)
