"""The gate's orders and regrets, against small cases and brute force."""

from itertools import permutations

import numpy as np
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata.gate import (
    Gate,
    gate,
    mean_and_error,
    oracle_order,
    random_regrets,
)


def test_random_regrets_are_the_mean_over_all_orders():
    regrets = np.array([0.0, 0.3, 1.0, 2.5, 1.0])
    brute = np.mean([np.minimum.accumulate(regrets[list(order)]) for order in permutations(range(5))], axis=0)
    np.testing.assert_allclose(random_regrets(regrets), brute)


def test_the_oracle_follows_the_most_similar_task():
    losses = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert oracle_order(np.array([5.0, 6.0, 9.0]), losses).tolist() == [0, 1, 2]
    assert oracle_order(np.array([9.0, 6.0, 5.0]), losses).tolist() == [2, 1, 0]


def test_mean_and_standard_error():
    assert mean_and_error(np.array([[1.0], [2.0], [3.0]])) == [(2.0, pytest.approx(1 / np.sqrt(3)))]


def test_tasks_that_agree_leave_nothing_to_win(rows, build):
    found = gate(build(rows, defaults={"tiny": {"method": "lora", "rank": 8, "learning_rate": 0.02}}))
    assert found.gap() == [(0.0, 0.0)] * 4
    np.testing.assert_array_equal(found.regrets["portfolio"], np.zeros((3, 4)))
    spread = 2.8 - 2.0
    np.testing.assert_allclose(found.regrets["random"][:, 0], (0 + 1 + (3.3 - 2.0) / spread) / 3)
    assert found.correlation == pytest.approx(1.0)
    assert found.default_rank == pytest.approx(2.0)
    assert found.overfitted == pytest.approx(3 / 9)


def test_a_task_of_its_own_kind_costs_the_portfolio_but_not_the_oracle_of_a_twin(rows, build):
    """Tasks a, b agree; c and its twin d have the opposite order."""
    twin = {**rows["tasks"][2], "task": "d", "dataset": "d"}
    rows["tasks"].append(twin)
    rows["runs"] += [
        {**run, "run": run["run"].replace("c", "d"), "task": "d"} for run in rows["runs"] if run["task"] == "c"
    ]
    rows["curves"] += [{**one, "run": one["run"].replace("c", "d")} for one in rows["curves"] if one["run"][0] == "c"]
    for one in rows["curves"]:
        if one["run"][0] in "cd":
            one["validation_value"] = 6.0 - one["validation_value"]
    found = gate(build(rows))
    np.testing.assert_array_equal(found.regrets["oracle"], np.zeros((4, 4)))
    assert found.regrets["portfolio"][2:, 0] == pytest.approx([6.0, 6.0])
    assert gate(build(rows), leave_out="family").regrets["oracle"][2, 0] == pytest.approx(6.0)


def test_a_run_without_a_slice_is_the_worst(rows, build):
    at = next(number for number, run in enumerate(rows["runs"]) if run["run"] == "b-0")
    rows["runs"][at]["status"] = "out_of_memory"
    rows["curves"] = [one for one in rows["curves"] if one["run"] != "b-0"]
    found = gate(build(rows))
    assert np.isfinite(np.concatenate(list(found.regrets.values()))).all()
    assert found.regrets["portfolio"][1, 0] == pytest.approx(1.0)


def test_a_task_that_was_spared_some_configurations_is_left_out(rows, build):
    """Task d lacks one of three configurations; leaving it out keeps 9 of the 11 losses, leaving that one out 8."""
    rows["tasks"].append({**rows["tasks"][2], "task": "d", "dataset": "d"})
    d_runs = [{**run, "run": run["run"].replace("c", "d"), "task": "d"} for run in rows["runs"] if run["task"] == "c"]
    rows["runs"] += d_runs[:2]
    kept = {run["run"] for run in d_runs[:2]}
    copies = [{**one, "run": one["run"].replace("c", "d")} for one in rows["curves"] if one["run"][0] == "c"]
    rows["curves"] += [one for one in copies if one["run"] in kept]
    found = gate(build(rows))
    assert found.tasks == ("a", "b", "c")
    assert len(found.configurations) == 3
    assert found.left_out == ("d",)


def test_too_few_tasks_are_refused(rows, build):
    with pytest.raises(MetaDatasetError, match="needs 3 tasks and 3 configurations run on all of them, got 2 and 3"):
        gate(build(rows).select(["a", "b"]))


def test_one_family_cannot_be_left_out(rows, build):
    rows["tasks"][2]["family"] = "qa"
    with pytest.raises(
        MetaDatasetError, match="all tasks are of the family 'qa', so nothing is left to learn from; leave out tasks"
    ):
        gate(build(rows), leave_out="family")


def test_an_unknown_default_has_no_rank(rows, build):
    assert gate(build(rows)).default_rank is None
    assert gate(build(rows, defaults={"tiny": {"method": "ia3"}})).default_rank is None


def test_the_gap_passes_only_if_no_two_tasks_make_it():
    def found(gaps):
        regrets = {"portfolio": np.tile(np.array(gaps)[:, None], 4), "oracle": np.zeros((len(gaps), 4))}
        names = tuple(f"t{number}" for number in range(len(gaps)))
        return Gate(names, (), (), regrets, np.full(len(gaps), 3.0), 0.0, 0.0, 0.0, None)

    assert found([0.4, 0.5, 0.6, 0.5, 0.4, 0.6]).passes() == [True] * 4
    assert found([5.0, 5.0, 0.1, -0.1, 0.1, -0.1, 5.0, 5.0]).passes() == [False] * 4
    mean, error = found([0.4, 0.5, 0.6]).gap()[0]
    assert found([0.4, 0.5, 0.6]).gap_in_noise()[0] == (pytest.approx(3 * mean), pytest.approx(3 * error))


def test_noise_is_known_where_a_run_was_repeated(rows, build):
    again = {**rows["runs"][0], "run": "a-0-again", "seed": 8}
    rows["runs"].append(again)
    curve = [{**one, "run": "a-0-again"} for one in rows["curves"] if one["run"] == "a-0"]
    for one in curve:
        one["validation_value"] += 0.2
    rows["curves"] += curve
    units = gate(build(rows)).units
    assert units[0] == pytest.approx((2.8 - 2.0) / (0.2 / np.sqrt(2)))
    assert np.isnan(units[1:]).all()


def test_a_base_model_may_be_left_out(rows, build):
    rows["tasks"][2]["model"] = "other"
    assert gate(build(rows), leave_out="model").regrets["portfolio"][2, 0] == pytest.approx(0.0)
