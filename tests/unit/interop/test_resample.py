"""Curves of another number of slices."""

import math

import numpy as np
import pytest

from foretune.interop.resample import ImportedSlice, resample


def test_resampling_keeps_the_cost_and_reads_values_at_shares_of_the_steps():
    slices = [ImportedSlice(1.0, 3.0, steps=10, epochs=0.1), ImportedSlice(0.0, 5.0, test=0.7, steps=50, epochs=0.5)]
    half, end = resample(slices, 2)
    assert (half, end) == tuple(slices)
    more = resample(slices, 5)
    assert math.isclose(sum(one.seconds for one in more), 8.0)
    np.testing.assert_allclose([one.value for one in more], [1.0, 0.75, 0.5, 0.25, 0.0])
    np.testing.assert_allclose([one.steps for one in more], [10, 20, 30, 40, 50])
    assert [one.test for one in more] == [None, None, None, None, 0.7]


def slices_of(*values, **counts):
    return [
        ImportedSlice(value, 2.0, **{name: numbers[at] for name, numbers in counts.items()})
        for at, value in enumerate(values)
    ]


def test_without_counts_slices_are_equal_parts():
    half = resample(slices_of(4.0, 3.0, 2.0, 1.0), 2)
    assert [(one.value, one.seconds, one.steps) for one in half] == [(3.0, 4.0, None), (1.0, 4.0, None)]


def test_epochs_stand_in_for_steps_that_not_all_slices_have():
    quarters = resample([ImportedSlice(4.0, 1.0, epochs=3.0, steps=9), ImportedSlice(0.0, 3.0, epochs=4.0)], 4)
    assert [one.epochs for one in quarters] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert [one.value for one in quarters] == [4.0, 4.0, 4.0, 0.0]
    assert [one.seconds for one in quarters] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 3.0])
    assert [one.steps for one in quarters] == [None] * 4


def test_a_stopped_run_has_the_parts_that_it_reached():
    slices = slices_of(3.0, 2.0, steps=[10, 20])
    assert [one.steps for one in resample(slices, 4, planned=40)] == [10, 20]
    assert [one.value for one in resample(slices, 2, planned=40)] == [2.0]
    assert resample(slices, 1, planned=40) == []
    assert resample(slices_of(3.0, steps=[40]), 1, planned=30) == slices_of(3.0, steps=[40])


def test_evaluation_has_its_own_cost_and_test_values_of_all_slices_are_read_between():
    slices = [ImportedSlice(1.0, 2.0, 0.5, test=5.0), ImportedSlice(0.5, 2.0, 1.5, test=3.0)]
    (one,) = resample(slices, 1)
    assert (one.value, one.seconds, one.evaluation_seconds, one.test) == (0.5, 4.0, 2.0, 3.0)
    assert [each.test for each in resample(slices, 4)] == [5.0, 5.0, 4.0, 3.0]
