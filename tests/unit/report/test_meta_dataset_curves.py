"""Which tasks and runs are shown as examples, and at which heights."""

import numpy as np
import pytest
from tiny_table import tiny_table

from foretune.report.meta_dataset_curves import _example_tasks, draw_examples


def lines(axes):
    """Label -> values of the lines that have one."""
    handles, labels = axes.get_legend_handles_labels()
    return {label: np.asarray(handle.get_ydata()).tolist() for handle, label in zip(handles, labels, strict=True)}


def test_families_take_turns_and_tasks_without_a_curve_are_left_out():
    curves = {1: [3.0, 2.0]}
    meta = tiny_table(
        {"a": curves, "b": curves, "c": {1: [3.0]}, "d": curves, "e": curves},
        families={"a": "x", "b": "x", "c": "y", "d": "y", "e": "x"},
    )
    assert _example_tasks(meta) == ["a", "d", "b", "e"]
    assert _example_tasks(tiny_table(dict.fromkeys("abcdefgh", curves))) == list("abcdef")


def test_the_best_and_the_default_are_marked_among_all_runs():
    meta = tiny_table({"a": {1: [8.0, 7.0], 2: [6.0, 5.0], 3: [7.0, 6.0], 4: [8.5, 8.0]}}, zero_shot=9.0, default=3)
    (axes,) = draw_examples(meta).axes
    shown = lines(axes)
    assert (shown["best"], shown["default"]) == ([9.0, 6.0, 5.0], [9.0, 7.0, 6.0])
    assert shown["a run"] == [9.0, 8.0, 7.0]
    assert shown["zero-shot"] == [9.0, 9.0]
    assert axes.lines[0].get_xdata().tolist() == [0, 1, 2]
    assert axes.get_title(loc="left") == "a"


def test_without_a_zero_shot_value_curves_begin_at_the_first_slice():
    meta = tiny_table({"a": {1: [8.0, 7.0], 2: [6.0]}}, zero_shot=float("nan"))
    (axes,) = draw_examples(meta).axes
    assert lines(axes) == {"best": [6.0], "a run": [8.0, 7.0]}
    assert axes.lines[0].get_xdata().tolist() == [1, 2]


def test_a_diverged_run_does_not_squeeze_the_others():
    curves = {rank: [3.0, 2.0 + rank / 16] for rank in range(8)}
    meta = tiny_table({"a": {**curves, 9: [500.0]}}, zero_shot=4.0)
    # From 2 to 2 + 1.3 * (4 - 2), and a margin of a twentieth.
    assert draw_examples(meta).axes[0].get_ylim() == pytest.approx((2.0 - 0.13, 4.6 + 0.13))


def test_a_best_run_that_overfits_is_seen_whole():
    meta = tiny_table({"a": {1: [2.0, 1.0, 3.0]}}, zero_shot=float("nan"))
    assert draw_examples(meta).axes[0].get_ylim() == pytest.approx((0.9, 3.1))


def test_panels_without_a_task_are_empty_and_a_flat_curve_can_be_drawn():
    flat = tiny_table({name: {1: [2.0, 2.0]} for name in "abcd"}, zero_shot=float("nan"))
    assert [axes.get_visible() for axes in draw_examples(flat).axes] == [True] * 4 + [False] * 2
    assert draw_examples(flat).axes[0].get_ylim() == pytest.approx((1.9, 2.1))


def test_there_may_be_nothing_to_show():
    assert draw_examples(tiny_table({"a": {1: [2.0]}})) is None
