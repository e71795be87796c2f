"""Hyperparameters without types, and files beside the runs."""

import pytest

from foretune.errors import InteropError
from foretune.interop.parameters import plain, settings_of, typed


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


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["8", "-1"], [8, -1]),
        (["8", "0.5", "inf"], [8.0, 0.5, float("inf")]),
        (["TRUE", "false"], [True, False]),
        (["true", "1"], ["true", "1"]),
        (["70_30", "60_40"], ["70_30", "60_40"]),
        (["1_0.5"], ["1_0.5"]),
        (["", "None", "NaN", "null"], []),
    ],
)
def test_a_column_has_the_narrowest_type_of_all_its_texts(texts, values):
    found = [row["x"] for row in typed([{"x": text} for text in texts]) if row]
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


def test_a_file_is_none_or_an_object_for_the_run(tmp_path):
    assert settings_of("one", None) == {}
    (tmp_path / "s.json").write_text('{"one": {"rank": 8, "note": null}, "two": 3}')
    assert settings_of("one", tmp_path / "s.json") == {"rank": 8}
    with pytest.raises(InteropError, match="no settings for the run 'two', only for one, two; add them under that"):
        settings_of("two", tmp_path / "s.json")


def test_plain_values_are_text_numbers_and_truth_values():
    assert plain({"a": 1, "b": 0.5, "c": True, "d": "x", "e": None}, "f") == {"a": 1, "b": 0.5, "c": True, "d": "x"}
    with pytest.raises(InteropError, match=r"^f: 'a' is \{'b': 1\}, expected text, a number or a truth value"):
        plain({"a": {"b": 1}}, "f")
