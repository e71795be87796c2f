from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from foretune.benchmark.headroom import Headroom
from foretune.report.replay import headroom_sheet, markdown, rich_table, sheets

ROW = {
    "budget": "1 run",
    "model": "foretune-tiny",
    "metric": "validation_nll",
    "area": 0.5,
    "runs_to_default": 1.0,
    "overhead_seconds": 0.0,
}


def frame(**others):
    """Regrets on the tasks a and b, by method."""
    regrets = {"random": (0.2, 0.4), **others, "oracle": (0.0, 0.0)}
    rows = [
        {**ROW, "task": task, "method": method, "seed": 0, "regret_median": value, "regret_default": None, "test": 2.0}
        for method, values in regrets.items()
        for task, value in zip("ab", values, strict=True)
    ]
    return pd.DataFrame(rows).astype({"regret_default": float})


def test_a_figure_is_a_table_of_methods_by_budgets_with_intervals():
    first, *others = sheets(frame(), ["random"])
    assert first.rows == [("random", "0.30 [0.20, 0.40]"), ("oracle", "0.00 [0.00, 0.00]")]
    assert "| random | 0.30 [0.20, 0.40] |" in markdown(first)
    assert not any("1 = default" in one.title for one in others), "it is undefined on all tasks"


def test_several_base_models_have_a_table_each():
    tables = frame()
    tables.loc[tables["task"] == "b", "model"] = "wide"
    found = {one.title: one.rows for one in sheets(tables, ["random"])}
    assert found["Regret on foretune-tiny"][0] == ("random", "0.20 [0.20, 0.20]")
    assert found["Regret on wide"][0] == ("random", "0.40 [0.40, 0.40]")
    assert not any(one.title.startswith("Regret on") for one in sheets(frame(), ["random"]))


@pytest.mark.parametrize(
    ("width", "cell"),
    [
        (60, "+0.300 [+0.200, +0.400] 0/2/0"),
        (42, "+0.300 [+0.200, +0.400] 0/2/0"),
        (41, "+0.300 0/2/0\n[+0.200, +0.400]"),
        (29, "+0.300 0/2/0\n[+0.200, +0.400]"),
        (28, "+0.300\n0/2/0"),
        (19, "+0.300\n0/2/0"),
        (18, "+0.300"),
    ],
)
def test_a_narrow_terminal_is_spared_what_has_no_room(width, cell):
    sheet = sheets(frame(), ["random"], "oracle")[1]
    table = rich_table(sheet, width)
    assert [list(column.cells) for column in table.columns] == [["random"], [cell]]
    console = Console(width=max(width, 19), file=io.StringIO())
    console.print(table)
    assert cell.split("\n")[0] in console.file.getvalue(), "it is not broken up"


def test_pairs_follow_the_regret_and_leave_out_the_baseline():
    found = sheets(frame(twice=(0.4, 0.8)), ["random", "twice"], "random")
    assert [(one.title, one.printed) for one in found[1:4]] == [
        ("Regret minus that of random", True),
        ("Share of the gap between random and the best that is closed", True),
        ("Regret as a share of that of random", False),
    ]
    assert found[1].rows == [("twice", "+0.300 [+0.200, +0.400] 0/2/0"), ("oracle", "-0.300 [-0.400, -0.200] 2/0/0")]
    assert found[2].rows == [("twice", "-1.00 [-1.00, -1.00]")]
    assert found[3].rows == [("twice", "2.00 [2.00, 2.00]"), ("oracle", "0.00 [0.00, 0.00]")]


def paired_titles(rows, baseline):
    found = sheets(rows, [one for one in rows["method"].unique() if one != "oracle"], baseline)
    return [one.title.partition(" of ")[0] for one in found if one.title.endswith((f" {baseline}", "is closed"))]


def test_pairs_need_a_baseline_another_method_and_for_the_gap_a_bound():
    rows = frame(twice=(0.4, 0.8))
    methods = rows["method"]
    assert not paired_titles(rows, None)
    assert not paired_titles(rows[methods == "random"], "random")
    assert paired_titles(rows[methods != "oracle"], "random") == ["Regret minus that", "Regret as a share"]
    assert paired_titles(rows, "oracle") == ["Regret minus that"], "there is no gap and no regret to divide by"


def test_bounds_are_not_ranked():
    ranks = next(one for one in sheets(frame(), ["random"]) if one.title == "Average rank")
    assert ranks.rows == [("random", "1.00"), ("oracle", "-")]


def test_headroom_says_whether_a_task_discriminates():
    one = Headroom(
        "a", maximize=False, noise=0.1, default=2.0, average=2.0, average_many=1.9, portfolio_many=1.9, oracle=1.0
    )
    sheet = headroom_sheet([one, Headroom("b", False, None, *[float("nan")] * 4, 1.0)])
    assert sheet.rows[0] == ("a", "0.1", "2", "2", "1.9", "1.9", "1", "yes")
    assert sheet.rows[1][-1] == "unknown"
