"""Recorded runs of recorded tasks."""

import math

from foretune.interop.recorded import finite_slices
from foretune.interop.resample import Slice
from foretune.types import Status


def test_a_curve_ends_before_the_first_value_that_is_no_number():
    kept, status, message = finite_slices([Slice(1.0, 1.0), Slice(math.nan, 1.0), Slice(1.0, 1.0)])
    assert (len(kept), status) == (1, Status.DIVERGED)
    assert "slice 2" in message
