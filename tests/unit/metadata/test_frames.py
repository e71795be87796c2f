"""Tables between rows, frames and Arrow."""

import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata.frames import frame_to_rows, is_free, rows_to_frame


def test_a_hyperparameter_has_one_type(rows):
    rows["runs"][0]["config.rank"] = "eight"
    with pytest.raises(MetaDatasetError, match=r"'config.rank' has values of the types int, str"):
        rows_to_frame("runs", rows["runs"])


def test_a_value_of_another_type_is_named(rows):
    rows["curves"][0]["steps"] = "many"
    with pytest.raises(MetaDatasetError, match=r"curves: column 'steps' takes int64.*many"):
        rows_to_frame("curves", rows["curves"])


def test_text_that_is_no_unicode_is_named(rows):
    rows["runs"][0]["message"] = "\ud800"
    with pytest.raises(MetaDatasetError, match=r"runs: column 'message' takes string: .*surrogates not allowed"):
        rows_to_frame("runs", rows["runs"])


def test_types_follow_from_the_column_alone():
    frame = rows_to_frame(
        "runs",
        [
            {"run": "a", "seed": 0, "config.x": 1, "config.on": True, "config.lr": 0.1, "config.kind": "k"},
            {"run": "b", "seed": 1},
        ],
    )
    assert {name: str(frame[name].dtype) for name in ("run", "seed", "peak_memory_bytes", "hardware")} == {
        "run": "object", "seed": "int64", "peak_memory_bytes": "Int64", "hardware": "object",
    }  # fmt: skip
    free = [name for name in frame.columns if name.startswith("config.")]
    assert {name: str(frame[name].dtype) for name in free} == {
        "config.kind": "object", "config.lr": "float64", "config.on": "boolean", "config.x": "Int64",
    }  # fmt: skip
    assert list(frame.columns)[-4:] == free


def test_rows_come_back_without_missing_values():
    given = [{"run": "a", "seed": 2**60 + 1, "config.on": False}, {"run": "b", "config.lr": 0.1}]
    assert frame_to_rows(rows_to_frame("runs", given)) == given


def test_features_are_numbers_even_where_they_are_whole():
    frame = rows_to_frame("tasks", [{"task": "a", "feature.depth": 2}, {"task": "b", "feature.depth": 0.5}])
    assert frame["feature.depth"].tolist() == [2.0, 0.5]


@pytest.mark.parametrize(
    ("table", "name", "free"),
    [
        ("runs", "config.rank", True),
        ("tasks", "feature.x", True),
        ("tasks", "config.rank", False),
        ("curves", "feature.x", False),
    ],
)
def test_columns_of_other_names_have_a_prefix(table, name, free):
    assert is_free(table, name) is free


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2**63, "column 'seed' takes int64: .*; correct that value"),
        (1.5, "column 'seed' takes int64: 1.5 is no whole number; correct"),
    ],
)
def test_a_value_that_does_not_fit_its_column(value, message):
    with pytest.raises(MetaDatasetError, match=message):
        rows_to_frame("runs", [{"run": "a", "seed": value}])


def test_a_whole_number_may_be_written_as_a_fraction():
    assert rows_to_frame("runs", [{"run": "a", "seed": 2.0}])["seed"].tolist() == [2]
