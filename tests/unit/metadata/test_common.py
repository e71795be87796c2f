"""Configurations that several tasks share."""

import numpy as np
import pytest
from tiny_table import tiny_table

from foretune.errors import MetaDatasetError
from foretune.metadata.common import at_width, best_losses, common_losses, overfits, relative_to_width
from foretune.types import Configuration


def test_only_common_configurations_count_with_their_best_slice(rows, build):
    losses, tasks, configurations = common_losses(build(rows))
    assert tasks == ("a", "b", "c")
    assert [one.values["learning_rate"] for one in configurations] == pytest.approx([0.01, 0.02, 0.03])
    np.testing.assert_array_equal(losses, [[2.0, 2.8, 3.3]] * 3)


def test_a_configuration_that_is_all_that_many_tasks_have_is_not_common():
    several = {1: [1.0], 2: [2.0], 3: [3.0]}
    once = tiny_table({f"once {at}": {9: [1.0]} for at in range(9)} | dict.fromkeys("abc", several))
    losses, tasks, _ = common_losses(once)
    assert tasks == ("a", "b", "c")
    np.testing.assert_array_equal(losses, [[1.0, 2.0, 3.0]] * 3)


def test_learning_rates_are_multiples_of_the_reference_to_two_digits():
    # The reference is 1 / width: 0.001 for 1000, 0.0025 for 400.
    one, other = (
        relative_to_width(Configuration({"learning_rate": rate, "rank": 8}), width)
        for rate, width in ((0.00201, 1000), (0.00499, 400))
    )
    assert dict(one.values) == dict(other.values) == {"learning_rate": 2.0, "rank": 8}
    assert dict(at_width(one, 400).values) == {"learning_rate": 0.005, "rank": 8}
    assert dict(at_width(Configuration({"learning_rate": 1.0}), 3000).values) == {"learning_rate": 0.000333}


@pytest.mark.parametrize("change", [relative_to_width, at_width])
def test_what_has_no_rate_or_no_width_stays(change):
    for values, width in (({"learning_rate": 0.1}, None), ({"rank": 8}, 400), ({"learning_rate": "high"}, 400)):
        assert dict(change(Configuration(values), width).values) == values


@pytest.mark.parametrize(
    ("scores", "worse"),
    [
        ([-3.0, -2.0, -2.03], False),
        ([-3.0, -2.0, -2.05], True),
        ([0.5, 1.0, 0.985], False),
        ([0.5, 1.0, 0.97], True),
        ([-1.0], False),
        ([-1.0, 0.0, -1e-9], True),
    ],
)
def test_a_curve_overfits_if_it_ends_two_percent_below_its_best(scores, worse):
    assert overfits(np.array(scores)) is worse


def test_the_first_of_several_seeds_counts_and_a_run_without_a_slice_is_infinitely_bad(rows, build):
    rows["runs"].append({**rows["runs"][0], "run": "again", "seed": 8})
    rows["curves"] += [{**one, "run": "again", "validation_value": 0.5} for one in rows["curves"][:3]]
    rows["curves"] = [one for one in rows["curves"] if one["run"] != "a-diverged"]
    losses = best_losses(build(rows))["a"]
    assert {one.values["learning_rate"]: loss for one, loss in losses.items()} == {
        0.01: 2.0, 0.02: 2.8, 0.03: 3.3, 0.5: np.inf,
    }  # fmt: skip


def test_tasks_with_nothing_in_common_are_refused_with_their_counts(rows, build):
    for run in rows["runs"]:
        run["config.rank"] = {"a": 1, "b": 2, "c": 3}[run["task"]]
    with pytest.raises(MetaDatasetError, match=r"needs 3 tasks and 3 configurations .*, got 3 and 0; collect more"):
        common_losses(build(rows))
