"""The schema: every column of every table in one place."""

import pytest

from foretune.metadata.schema import PREFIXES, STATUSES, TABLES, units


def test_columns_of_a_table_have_names_of_their_own_that_no_free_column_can_have():
    for table, columns in TABLES.items():
        names = [column.name for column in columns]
        assert len(names) == len(set(names))
        assert not any(name.startswith(PREFIXES.get(table, "config.")) for name in names)


def test_statuses_are_those_of_reports_and_that_of_a_search():
    assert STATUSES == ("ok", "diverged", "out_of_memory", "timed_out", "failed", "stopped")


def test_units_are_of_numbers_alone():
    assert units()["runs"] == {"parameters_trained": "parameters", "peak_memory_bytes": "bytes"}
    assert units()["tasks"]["n_train"] == "rows"
    assert units()["curves"]["validation_value"] == "the metric's"


@pytest.mark.parametrize("name", ["validation_exact_match", "test_token_accuracy"])
def test_shares_are_from_0_to_1(name):
    (column,) = (column for column in TABLES["curves"] if column.name == name)
    assert (column.least, column.most, column.optional) == (0, 1, True)


def test_a_slice_needs_a_value_and_its_times():
    assert [column.name for column in TABLES["curves"] if not column.optional] == [
        "run", "fidelity", "validation_value", "train_seconds", "evaluation_seconds",
    ]  # fmt: skip
