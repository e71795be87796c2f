"""The tables of a replay, for the terminal (rich) and for documents (Markdown)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from rich.table import Table

from foretune.benchmark.figures import means, ranks
from foretune.benchmark.headroom import MANY, Headroom
from foretune.benchmark.regret import RESAMPLES, Interval


@dataclass(frozen=True)
class Sheet:
    """A table that is not rendered yet.

    Attributes:
        title: what it shows.
        note: how to read it.
        head: names of the columns; the first one names the rows.
        rows: cells as text.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def sheets(frame: pd.DataFrame, contestants: Sequence[str]) -> list[Sheet]:
    """The figures of every method and budget.

    Args:
        frame: one row a search.
        contestants: methods that are ranked; the others are bounds.
    """
    tasks = frame["task"].nunique()
    undefined = tasks - frame.loc[frame["regret_default"].notna(), "task"].nunique()
    interval_note = f"Mean over tasks and its 95 % interval ({RESAMPLES:,} bootstrap resamples of the tasks)."
    default_note = f"{interval_note} Over {tasks - undefined} of {tasks} tasks: on the others no default is known, or "
    found = [
        _sheet(frame, "regret_median", "Regret: 0 = best of the pool, 1 = median configuration", interval_note),
        _sheet(
            frame,
            "regret_default",
            "Regret: 0 = best of the pool, 1 = default",
            default_note + "nothing in the pool beats it beyond the noise.",
        ),
        _rank_sheet(frame, contestants),
        _sheet(
            frame,
            "area",
            "Area under the regret curve: mean regret (1 = median) of the time up to the budget",
            f"{interval_note} Regret above 1 counts as 1.",
        ),
        _test_sheet(frame, interval_note),
        _sheet(
            frame,
            "runs_to_default",
            "Mean full runs until the final score of the default is reached",
            f"{interval_note} A search that does not reach it counts with its whole budget.",
        ),
        _sheet(frame, "overhead_seconds", "Seconds that methods took themselves", "Mean over tasks.", _mean_alone),
    ]
    return [sheet for sheet in found if any(cell != "-" for row in sheet.rows for cell in row[1:])]


def headroom_sheet(headrooms: Sequence[Headroom]) -> Sheet:
    """Noise and headroom of every task."""
    head = ("task", "noise", "default", "first", f"average {MANY}", f"portfolio {MANY}", "oracle", "discriminates")
    rows = [
        (
            one.task,
            *(_number(math.nan if value is None else value) for value in _values(one)),
            {True: "yes", False: "no", None: "unknown"}[one.discriminates],
        )
        for one in headrooms
    ]
    note = (
        "Best validation value after complete runs: of the default; of the first choice on average over the other "
        "groups' tasks (with which a greedy portfolio begins, too); of the first "
        f"{MANY} on average; of the portfolio's first {MANY}; of the whole pool. Noise is the standard deviation of a "
        "run's best value over seeds, - where no configuration was run twice. A task discriminates if the oracle is "
        "better than the default by more than twice the noise."
    )
    return Sheet("Noise and headroom, in the unit of each task's metric", note, head, rows)


def rich_table(sheet: Sheet, *, intervals: bool = True) -> Table:
    """For the terminal, on request without the intervals, which need 20 columns a budget."""
    table = Table(title=sheet.title, title_justify="left", header_style="bold", caption=sheet.note)
    for place, name in enumerate(sheet.head):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in sheet.rows:
        table.add_row(*(row if intervals else [cell.partition(" [")[0] for cell in row]))
    return table


def markdown(sheet: Sheet) -> str:
    """For documents."""
    rule = ["---", *("---:" for _ in sheet.head[1:])]
    lines = ["| " + " | ".join(cells) + " |" for cells in (sheet.head, rule, *sheet.rows)]
    return f"## {sheet.title}\n\n" + "\n".join(lines) + f"\n\n{sheet.note}\n"


def _sheet(
    frame: pd.DataFrame, column: str, title: str, note: str, cell: Callable[[Interval], str] | None = None
) -> Sheet:
    found = means(frame, column)
    write = cell or _with_interval
    return _grid(frame, title, note, {key: write(value) for key, value in found.items()})


def _rank_sheet(frame: pd.DataFrame, contestants: Sequence[str]) -> Sheet:
    found = {key: f"{value:.2f}" for key, value in ranks(frame, contestants).items()}
    note = f"Among {len(contestants)} methods by regret on each task, seeds averaged; 1 is the best, ties share."
    return _grid(frame, "Average rank", note, found)


def _test_sheet(frame: pd.DataFrame, note: str) -> Sheet:
    metrics = sorted(set(frame["metric"]))
    if len(metrics) > 1:
        return _grid(frame, "Test", "", {})
    return _sheet(
        frame, "test", f"Test {metrics[0].removeprefix('validation_')} of the checkpoint that validation chose", note
    )


def _grid(frame: pd.DataFrame, title: str, note: str, cells: Mapping[tuple[str, str], str]) -> Sheet:
    methods, budgets = list(dict.fromkeys(frame["method"])), list(dict.fromkeys(frame["budget"]))
    rows = [(method, *(cells.get((method, budget), "-") for budget in budgets)) for method in methods]
    return Sheet(title, note, ("method", *budgets), rows)


def _with_interval(value: Interval) -> str:
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]" if value.tasks else "-"


def _mean_alone(value: Interval) -> str:
    return f"{value.mean:.2f}" if value.tasks else "-"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _values(one: Headroom) -> tuple[float | None, ...]:
    return one.noise, one.default, one.average, one.average_many, one.portfolio_many, one.oracle
