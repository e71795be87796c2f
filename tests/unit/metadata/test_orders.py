"""Orders of configurations, by hand and against those of the gate where all pools are the same."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.metadata.common import common_losses, relative_to_width
from foretune.metadata.orders import average_order, feature_distances, nearest_order, portfolio_order, ranks_of
from foretune.metadata.ranks import rank_rows
from foretune.types import Configuration

NAN = np.nan


def test_quantiles_of_pools_of_different_size_compare(rows, build):
    ranks = ranks_of(build(rows))
    assert ranks.tasks == ("a", "b", "c")
    rates = [configuration.values["learning_rate"] for configuration in ranks.places]
    assert rates == pytest.approx([0.01, 0.02, 0.03, 0.5])
    np.testing.assert_allclose(ranks.quantiles[0], [0.5 / 4, 1.5 / 4, 2.5 / 4, 3.5 / 4])
    np.testing.assert_allclose(ranks.quantiles[1], [0.5 / 3, 1.5 / 3, 2.5 / 3, NAN])


def test_equal_losses_share_their_rank(rows, build):
    for one in rows["curves"]:
        one["validation_value"] = 1.0
    np.testing.assert_allclose(ranks_of(build(rows)).quantiles[1, :3], 0.5)


def test_one_good_task_counts_less_than_many():
    quantiles = np.array([[0.2, 0.1], [0.2, NAN], [0.2, NAN], [0.2, NAN]])
    assert average_order(quantiles).tolist() == [0, 1]  # (0.8 + 0.5) / 5 = 0.26 before (0.1 + 0.5) / 2 = 0.3


def test_what_was_run_nowhere_is_in_no_order():
    quantiles = np.array([[0.2, NAN, 0.1], [0.3, NAN, 0.4]])
    for order in (average_order(quantiles), portfolio_order(quantiles), nearest_order(quantiles, np.array([0.0, 1.0]))):
        assert sorted(order.tolist()) == [0, 2]
    assert not len(nearest_order(np.full((2, 2), NAN), np.zeros(2)))


def test_with_the_same_pool_everywhere_the_average_order_is_by_mean_rank():
    table = synthetic_table()
    losses, _, configurations = common_losses(table)
    ranks = rank_rows(losses)
    assert (
        average_order(ranks_of(table).of(configurations)).tolist() == np.argsort(ranks.mean(0), kind="stable").tolist()
    )


def test_every_choice_of_a_portfolio_is_the_best_that_could_be_added():
    table = synthetic_table()
    losses, _, configurations = common_losses(table)
    ranks = rank_rows(losses)
    order = portfolio_order(ranks_of(table).of(configurations)).tolist()
    for count in range(1, 6):
        reached = [ranks[:, [*order[: count - 1], one]].min(axis=1).mean() for one in order[count - 1 :]]
        assert reached[0] == pytest.approx(min(reached))


def test_the_nearest_task_gives_the_order_and_the_average_the_rest():
    quantiles = np.array([[0.9, 0.1, NAN, NAN], [0.1, 0.2, 0.8, 0.3]])
    assert nearest_order(quantiles, np.array([1.0, 2.0])).tolist() == [1, 0, 3, 2]
    assert nearest_order(quantiles, np.array([2.0, 1.0])).tolist() == [0, 1, 3, 2]


def test_a_near_task_without_any_candidate_is_passed_over():
    quantiles = np.array([[NAN, NAN], [0.8, 0.2]])
    assert nearest_order(quantiles, np.array([0.0, 5.0])).tolist() == [1, 0]


def test_distances_are_standardized_by_the_other_tasks_and_ignore_what_not_all_have():
    others = [{"size": 0.0, "share": 0.0, "same": 1.0}, {"size": 200.0, "share": 0.2, "same": 1.0}]
    target = {"size": 100.0, "share": 0.2, "same": 7.0, "only here": 3.0}
    np.testing.assert_allclose(feature_distances(target, others), [np.sqrt(1 + 4), 1.0])


def test_a_portfolio_by_cost_prefers_what_is_cheap_for_what_it_adds():
    quantiles = np.array([[0.1, 0.3, 0.5], [0.1, 0.3, 0.5]])
    assert portfolio_order(quantiles).tolist() == [0, 1, 2]
    assert portfolio_order(quantiles, costs=np.array([4.0, 1.0, 1.0])).tolist()[0] == 1  # 0.9 / 4 < 0.7 / 1


def test_a_portfolio_after_what_is_run_anyway_begins_with_what_complements_it():
    quantiles = np.array([[0.1, 0.2, 0.9], [0.9, 0.5, 0.3], [0.1, 0.2, 0.9]])
    assert portfolio_order(quantiles).tolist() == [1, 0, 2]
    assert portfolio_order(quantiles, begun=[0, 0]).tolist() == [0, 2, 1]


def test_the_cost_of_a_configuration_is_its_mean_share_of_the_mean_run():
    table = synthetic_table()
    ranks = ranks_of(table)
    shares = {}
    for task in table.task_ids:
        runs = [run for run in table.runs_of(task) if len(table.curve(run)) == 8]
        taken = {run: float(table.curve(run).seconds.sum()) for run in runs}
        for run in runs:
            shares.setdefault(table.configurations[run], []).append(taken[run] / np.mean(list(taken.values())))
    expected = {configuration: np.mean(found) for configuration, found in shares.items()}
    one = next(iter(expected))
    where = relative_to_width(one, table.widths[table.task_ids[0]])
    assert ranks.costs_of([where])[0] == pytest.approx(expected[one])
    assert ranks.costs_of([Configuration({"rank": 77})]).tolist() == [1.0]
