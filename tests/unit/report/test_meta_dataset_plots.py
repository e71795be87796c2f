"""Figures of a meta-dataset: what they show of a table small enough to read."""

import numpy as np
import pytest
from tiny_table import tiny_table

from foretune.metadata import MetaDataset
from foretune.metadata.summary import MethodSummary, Pair, method_rows, pair_rows, spread_rows
from foretune.report.meta_dataset_plots import draw_correlations, draw_costs, draw_spread, save_plots, short_names


def drawn(axes, label):
    handles, labels = axes.get_legend_handles_labels()
    return np.asarray(handles[labels.index(label)].get_xdata()).tolist()


def test_values_are_relative_to_the_base_model_and_much_worse_ones_at_the_edge():
    meta = tiny_table({"a": {1: [4.0], 2: [2.0], 3: [40.0]}}, zero_shot=8.0, default=1)
    axes = draw_spread(spread_rows(meta)).axes[0]
    assert drawn(axes, "a run") == [0.5, 0.25, 1.6]
    assert drawn(axes, "best") == [0.25]
    assert drawn(axes, "median") == [0.5, 0.5]
    diamonds = [line.get_xdata() for line in axes.lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [list(one) for one in diamonds] == [[0.5]]
    assert [text.get_text() for text in axes.texts] == ["family a"]


def test_without_a_zero_shot_value_the_median_run_is_the_unit():
    axes = draw_spread(spread_rows(tiny_table({"a": {1: [4.0], 2: [2.0], 3: [6.0]}}, zero_shot=float("nan")))).axes[0]
    assert drawn(axes, "a run") == [1.0, 0.5, 1.5]


def test_families_are_shaded_in_turn_and_named_once():
    losses = {name: {1: [2.0], 2: [1.0]} for name in "abcd"}
    meta = tiny_table(losses, families={"a": "x", "b": "x", "c": "y", "d": "z"})
    axes = draw_spread(spread_rows(meta)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["x", "y", "z"]
    assert [text.get_position()[1] for text in axes.texts] == [0.5, 2.0, 3.0]
    assert len(axes.patches) == 1
    assert [label.get_text() for label in axes.get_yticklabels()] == list("abcd")


def test_correlations_are_a_symmetric_matrix_with_gaps():
    losses = {name: {rank: [float(rank)] for rank in range(6)} for name in "abc"}
    meta = tiny_table(losses, families={"a": "y", "b": "x", "c": "y"})
    pairs = [Pair("a", "b", 6, 0.5, None), Pair("b", "c", 6, -0.25, None)]
    axes = draw_correlations(meta, pairs).axes[0]
    matrix = np.ma.filled(axes.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(matrix, [[1.0, 0.5, -0.25], [0.5, 1.0, np.nan], [-0.25, np.nan, 1.0]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b", "a", "c"]
    assert [text.get_text() for text in axes.texts] == ["x", "y"]
    assert draw_correlations(meta, []) is None


def method(name, costs, *, unit="seconds", speeds=()):
    return MethodSummary("m", name, unit, len(costs), 0.0, 0.0, None, np.array(costs), np.array(speeds))


def test_every_unit_of_cost_and_the_speed_have_a_panel():
    rows = [method("lora", [1.0, 3.0], speeds=[5.0]), method("dora", [2.0]), method("", [30.0], unit="steps")]
    panels = draw_costs(rows).axes
    assert [axes.get_xlabel().splitlines()[0] for axes in panels] == [
        "seconds a run", "steps a run", "microseconds of training a token",
    ]  # fmt: skip
    assert [[label.get_text() for label in axes.get_yticklabels()] for axes in panels] == [
        ["lora", "dora"], ["m"], ["lora"],
    ]  # fmt: skip
    assert draw_costs([method("lora", [])]) is None


def test_costs_that_only_count_runs_are_not_drawn():
    counted = method("full", [1.0, 1.0], unit="runs")
    assert draw_costs([counted]) is None
    assert [axes.get_xlabel().splitlines()[0] for axes in draw_costs([counted, method("lora", [2.0])]).axes] == [
        "seconds a run"
    ]


def test_rows_of_all_panels_are_equally_high():
    rows = [method("lora", [1.0, 3.0], speeds=[5.0]), method("dora", [2.0])]
    assert [axes.get_ylim() for axes in draw_costs(rows).axes] == [(1.5, -0.5)] * 2


def test_of_many_methods_those_with_the_most_runs_are_shown():
    rows = [method(f"m{at}", [1.0] * (1 + (at % 2))) for at in range(80)]
    assert len(draw_costs(rows).axes[0].get_yticklabels()) == 40
    assert {label.get_text() for label in draw_costs(rows).axes[0].get_yticklabels()} == {
        f"m{at}" for at in range(1, 80, 2)
    }


@pytest.mark.parametrize(
    ("tasks", "short"),
    [(["a:m", "b@5:m"], ["a", "b@5"]), (["a:m", "b:n"], ["a:m", "b:n"]), (["a"], ["a"]), ([":m"], [":m"])],
)
def test_names_do_without_what_all_share(tasks, short):
    assert short_names(tasks) == short


def test_all_figures_are_saved_that_there_is_something_for(tmp_path):
    losses = {name: {rank: [float(rank + 1), 1.0] for rank in range(6)} for name in "ab"}
    meta = tiny_table(losses)
    files = save_plots(meta, tmp_path / "new")
    assert [file.name for file in files] == ["spread.png", "rank_correlations.png", "cost.png", "curves.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert len(pair_rows(meta)) == 1


def test_losses_by_rows_and_tasks_that_rank_nothing(tmp_path):
    meta = tiny_table({name: {1: [value]} for name, value in {"a": 3.0, "b": 2.0, "c": 1.0}.items()})
    meta = MetaDataset(meta.tasks.assign(dataset="d", n_train=[100, 200, 400]), meta.runs, meta.curves)
    assert [file.name for file in save_plots(meta, tmp_path)] == ["sizes.png", "cost.png"]


def test_equal_costs_and_equal_values_can_be_drawn():
    meta = tiny_table({"a": {1: [3.0, 2.0], 2: [3.0, 2.0]}}, zero_shot=float("nan"))
    assert draw_costs(method_rows(meta)).axes[0].get_xlim() == pytest.approx((1.9, 2.1))
    assert draw_spread(spread_rows(meta)).axes[0].get_xlim() == pytest.approx((0.95, 1.05))
