from __future__ import annotations

import pandas as pd
from rich.console import Console

from foretune.benchmark.headroom import Headroom
from foretune.report.replay import headroom_sheet, markdown, rich_table, sheets

ROW = {"budget": "1runs", "metric": "validation_nll", "area": 0.5, "runs_to_default": 1.0, "overhead_seconds": 0.0}


def frame():
    regrets = {("a", "random"): 0.2, ("a", "oracle"): 0.0, ("b", "random"): 0.4, ("b", "oracle"): 0.0}
    rows = [
        {**ROW, "task": task, "method": method, "seed": 0, "regret_median": value, "regret_default": None, "test": 2.0}
        for (task, method), value in regrets.items()
    ]
    return pd.DataFrame(rows).astype({"regret_default": float})


def test_a_figure_is_a_table_of_methods_by_budgets_with_intervals():
    first, *others = sheets(frame(), ["random"])
    assert first.rows == [("random", "0.30 [0.20, 0.40]"), ("oracle", "0.00 [0.00, 0.00]")]
    assert "| random | 0.30 [0.20, 0.40] |" in markdown(first)
    assert not any("1 = default" in one.title for one in others), "it is undefined on all tasks"


def test_a_narrow_terminal_is_spared_the_intervals():
    console = Console(width=60, record=True, quiet=True)
    table = rich_table(sheets(frame(), ["random"])[0], intervals=False)
    assert [list(column.cells) for column in table.columns] == [["random", "oracle"], ["0.30", "0.00"]]
    console.print(table)


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
