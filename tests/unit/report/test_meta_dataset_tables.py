"""Tables of `metadata describe`, cell by cell."""

import numpy as np
import pytest
from tiny_table import tiny_table

from foretune.metadata import MetaDataset
from foretune.metadata.summary import Agreement, Group, MethodSummary
from foretune.report.meta_dataset_tables import agreement_table, cost_text, group_table, method_table, task_tables


def cells(table):
    """Header and rows as text."""
    columns = [list(column.cells) for column in table.columns]
    return [[column.header for column in table.columns], *(list(row) for row in zip(*columns, strict=True))]


def test_a_task_has_its_counts_values_and_cost():
    losses = {"a": {1: [3.0, 2.0], 2: [2.5, 1.5], 3: [4.0, 3.0], 4: [3.5, 2.5]}, "b": {1: [2.0, 1.0]}, "c": {1: [2.0]}}
    (table,) = task_tables(tiny_table(losses, seconds=1.5, zero_shot=9.0))
    head, a, b, c = cells(table)
    assert head == ["task", "family", "rows", "runs", "zero-shot", "best", "median", "s/run"]
    assert a == ["a", "family a", "50", "4", "9.000", "1.500", "2.500", "3.0"]
    assert b == ["b", "family b", "50", "1", "9.000", "1.000", "1.000", "3.0"]
    assert c[-1] == "1.5"
    assert (table.title, table.caption) == ("Tasks on m", "losses in nats per completion token")


def changed(meta, **columns):
    return MetaDataset(meta.tasks.assign(**columns), meta.runs, meta.curves)


def test_models_with_few_tasks_share_a_table_and_others_have_one_each():
    losses = {name: {1: [2.0]} for name in "abcdef"}
    two = changed(tiny_table(losses), model=list("mmmnnn"))
    assert [(table.title, len(cells(table)) - 1) for table in task_tables(two)] == [
        ("Tasks on m", 3),
        ("Tasks on n", 3),
    ]
    three = changed(tiny_table(losses), model=list("mmnnoo"))
    assert [(table.title, len(cells(table)) - 1) for table in task_tables(three)] == [("Tasks", 6)]


def test_where_tasks_are_of_many_models_these_are_named_and_an_empty_column_is_left_out():
    meta = changed(tiny_table({"a": {1: [2.0]}, "b": {1: [1.0]}}, zero_shot=float("nan")), model=["org/m", "org/n"])
    (table,) = task_tables(meta)
    head, a, b = cells(table)
    assert head == ["dataset", "model", "rows", "runs", "best", "median", "s/run"]
    assert (a[:2], b[:2]) == (["a", "m"], ["b", "n"])
    known = changed(meta, zero_shot_validation_value=[float("nan"), 3.0])
    assert cells(task_tables(known)[0])[2][4:] == ["3.000", "1.000", "1.000", "1.0"]


def test_tasks_that_are_told_elsewhere_are_left_out():
    meta = tiny_table({"a": {1: [2.0]}, "b": {1: [1.0]}})
    assert [row[0] for row in cells(task_tables(meta, {"a"})[0])] == ["task", "b"]
    assert task_tables(meta, {"a", "b"}) == []


def test_other_metrics_and_costs_are_named_and_unknown_numbers_left_empty():
    meta = tiny_table({"a": {1: [2.0]}}, zero_shot=float("nan"))
    meta = changed(
        meta, metric="accuracy", direction="maximize", cost_unit="steps", n_train=meta.tasks["n_train"].mask([True])
    )
    (table,) = task_tables(meta)
    head, a = cells(table)
    assert head[-1] == "cost/run"
    assert a == ["a", "family a", "", "1", "", "2.000", "2.000", "1.0"]
    assert table.caption == "values of each task's metric"


def test_methods_have_shares_mean_costs_and_speeds():
    lora = MethodSummary("m", "lora", "seconds", 4, 0.25, 0.5, None, np.array([1.0, 2.0]), np.array([10.0, 30.0]))
    dora = MethodSummary("m", "dora", "seconds", 1, 0.0, 0.0, 1.0, np.array([]), np.array([]))
    head, one, other = cells(method_table([lora, dora]))
    assert head[-6:] == ["runs", "diverged", "failed", "overfit", "s/run", "µs/token"]
    assert one[-6:] == ["4", "25%", "50%", "", "1.5", "20.0"]
    assert other[-6:] == ["1", "0%", "0%", "100%", "", ""]


def test_costs_in_several_units_have_them_beside():
    rows = [
        MethodSummary("m", "lora", unit, 1, 0.0, 0.0, None, np.array([1234.5]), np.array([]))
        for unit in ("seconds", "steps")
    ]
    head, one, other = cells(method_table(rows))
    assert head[-1] == "cost/run"
    assert (one[-1], other[-1]) == ("1,234.5", "1,234.5 steps")


def test_groups_and_agreements():
    rows = cells(group_table([Group("m", "qa", "seconds", 2, 1500, 5400.0), Group("m", "math", "steps", 1, 3, 1e6)]))
    assert rows[1][:2] == ["m", "qa"]
    assert rows[1][-1] == "1.50 hours"
    assert rows[2][-1] == "1,000,000 steps"
    rows = cells(agreement_table([Agreement("two tasks", 1234, 0.567, None)]))
    assert rows == [["between", "pairs", "all", "top half"], ["two tasks", "1,234", "0.57", ""]]


@pytest.mark.parametrize(
    ("cost", "unit", "text"),
    [(4500.0, "seconds", "1.25 hours"), (0.0, "seconds", "0.00 hours"), (1234.6, "steps", "1,235 steps")],
)
def test_a_cost_is_hours_or_in_its_only_unit(cost, unit, text):
    assert cost_text(cost, unit) == text
