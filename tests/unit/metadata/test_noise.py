from __future__ import annotations

import math

import pytest

from foretune.metadata.noise import luck, seed_noise


def repeat(rows, run, name, losses):
    """A further run of the same configuration with another seed."""
    first = next(one for one in rows["runs"] if one["run"] == run)
    rows["runs"].append({**first, "run": name, "seed": len(rows["runs"]) + 100})
    slices = [one for one in rows["curves"] if one["run"] == run]
    rows["curves"] += [
        {**one, "run": name, "validation_value": loss} for one, loss in zip(slices, losses, strict=False)
    ]


def test_noise_is_pooled_over_the_configurations_that_were_repeated(rows, build):
    repeat(rows, "a-0", "a-0.1", (3.0, 2.4, 2.5))  # peaks 2.0 and 2.4
    repeat(rows, "a-1", "a-1.1", (3.5, 3.0, 3.0))  # peaks 2.8, 3.0 and 2.6
    repeat(rows, "a-1", "a-1.2", (3.5, 3.0, 2.6))
    noise = seed_noise(build(rows))
    assert noise["a"] == pytest.approx(math.sqrt((2 * 0.2**2 + 2 * 0.2**2) / (1 + 2)))
    assert noise["b"] is None
    assert noise["c"] is None


def test_luck_is_what_knowing_the_other_seeds_leaves(rows, build):
    repeat(rows, "a-0", "a-0.1", (3.0, 2.4, 2.5))
    repeat(rows, "a-0", "a-0.2", (3.0, 3.0, 3.1))
    repeat(rows, "a-1", "a-1.1", (3.5, 2.2, 3.0))
    repeat(rows, "a-1", "a-1.2", (3.5, 3.0, 2.6))
    # By the means of the other two seeds: the second first, then twice the first; it is 0.8, 0.2 and 0.4 off the best.
    unit = -2.0 - (-2.8 - 3.3) / 2  # the best of the pool (-2.0, -2.8, -3.3 and -9.0) and its median
    found = luck(build(rows), (1, 2, 5))
    assert found.keys() == {"a"}
    assert found["a"] == pytest.approx([(0.8 + 0.2 + 0.4) / 3 / unit, 0.0, 0.0])
