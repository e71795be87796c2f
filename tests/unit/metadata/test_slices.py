"""Curves of another number of slices."""

import numpy as np
import pytest

from foretune.metadata.slices import costs_at, equal_parts, resampled_rows, values_at


@pytest.mark.parametrize(
    ("reached", "ends"), [(1.0, [0.25, 0.5, 0.75, 1.0]), (0.5, [0.25, 0.5]), (0.49, [0.25]), (0.1, [])]
)
def test_parts_that_were_trained_to_their_end(reached, ends):
    assert equal_parts(reached, 4).tolist() == ends


def test_values_are_read_between_places_and_costs_as_sums():
    ends = equal_parts(1.0, 4)
    assert values_at(ends, [0.5, 1.0], [2.0, 1.0]).tolist() == [2.0, 2.0, 1.5, 1.0]
    assert costs_at(ends, [0.5, 1.0], [2.0, 8.0]).tolist() == [1.0, 1.0, 4.0, 4.0]


def rows(**more):
    base = {"run": "r", "train_seconds": 2.0, "evaluation_seconds": 0.0}
    return [{**base, "fidelity": at, "validation_value": 1.0 / at, "steps": 2 * at, **more} for at in (1, 2)]


def test_rows_of_a_table_keep_cost_steps_and_the_last_test_value():
    given = rows()
    given[1]["test_value"] = 0.75
    found = resampled_rows(given, 2, 4)
    assert [row["fidelity"] for row in found] == [1, 2, 3, 4]
    assert [row["steps"] for row in found] == [1, 2, 3, 4]
    assert [row["validation_value"] for row in found] == [1.0, 1.0, 0.75, 0.5]
    assert sum(row["train_seconds"] for row in found) == 4.0
    assert [row.get("test_value") for row in found] == [None, None, None, 0.75]


def test_steps_that_would_stand_still_are_left_out():
    assert all("steps" not in row for row in resampled_rows(rows(), 2, 8))
    assert np.diff([row["steps"] for row in resampled_rows(rows(), 2, 4)]).min() == 1


def test_part_of_a_run_stays_part_of_it():
    assert [row["fidelity"] for row in resampled_rows(rows()[:1], 2, 3)] == [1]
