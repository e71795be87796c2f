"""Recorded runs of recorded tasks."""

import math

import pytest

from foretune.interop.recorded import ImportedTask, finite_slices, is_number
from foretune.interop.resample import ImportedSlice
from foretune.types import Status


def test_a_curve_ends_before_the_first_value_that_is_no_number():
    kept, status, message = finite_slices(
        [ImportedSlice(1.0, 1.0), ImportedSlice(math.nan, 1.0), ImportedSlice(1.0, 1.0)]
    )
    assert (len(kept), status) == (1, Status.DIVERGED)
    assert "slice 2" in message


@pytest.mark.parametrize(
    ("value", "number"),
    [(0.0, True), (-3.3e38, True), (3.4e38, False), (-1.8e308, False), (math.inf, False), (math.nan, False)],
)
def test_infinities_of_databases_are_no_numbers(value, number):
    assert is_number(value) is number


def test_a_run_of_numbers_is_whole():
    slices = [ImportedSlice(1.0, 1.0), ImportedSlice(-2.0, 1.0)]
    assert finite_slices(iter(slices)) == (slices, Status.OK, "")
    assert finite_slices([]) == ([], Status.OK, "")
    assert finite_slices([ImportedSlice(math.inf, 1.0)]) == ([], Status.DIVERGED, "the metric was inf after slice 1")


@pytest.mark.parametrize(("rows", "name"), [(500, "data@500:base"), (None, "data:base")])
def test_a_task_is_named_by_dataset_size_and_base_model(rows, name):
    assert ImportedTask("data", "org/base", "loss", "minimize", rows=rows).id == name
