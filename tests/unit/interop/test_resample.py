"""Curves of another number of slices."""

import math

import numpy as np

from foretune.interop.resample import Slice, resample


def test_resampling_keeps_the_cost_and_reads_values_at_shares_of_the_steps():
    slices = [Slice(1.0, 3.0, steps=10, epochs=0.1), Slice(0.0, 5.0, test=0.7, steps=50, epochs=0.5)]
    half, end = resample(slices, 2)
    assert (half, end) == tuple(slices)
    more = resample(slices, 5)
    assert math.isclose(sum(one.seconds for one in more), 8.0)
    np.testing.assert_allclose([one.value for one in more], [1.0, 0.75, 0.5, 0.25, 0.0])
    np.testing.assert_allclose([one.steps for one in more], [10, 20, 30, 40, 50])
    assert [one.test for one in more] == [None, None, None, None, 0.7]
