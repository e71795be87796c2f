"""The tables of a replay, for the terminal (rich) and for documents (Markdown)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from rich.table import Table

from foretune.benchmark.figures import means, ranks
from foretune.benchmark.headroom import MANY, Headroom
from foretune.benchmark.paired import Difference, closed_shares, differences, ratios
from foretune.benchmark.regret import RESAMPLES, Interval
from foretune.report.sheet import Sheet

_INTERVAL = f"95 % interval ({RESAMPLES:,} bootstrap resamples of the tasks)"
_CELL = re.compile(r"(\S*)(?: (\[.*\]))?(?: (.*))?")
_LAYOUTS = ("{mean} {interval} {counts}", "{mean} {counts}\n{interval}", "{mean}\n{counts}", "{mean}")
"""Of cells in the terminal, the widest first; a cell does without the parts that it lacks."""


def sheets(frame: pd.DataFrame, contestants: Sequence[str], baseline: str | None = None) -> list[Sheet]:
    """The figures of every method and budget.

    Args:
        frame: one row a search.
        contestants: methods that are ranked; the others are bounds.
        baseline: method that the others are compared with in pairs; None for no such sheets.
    """
    tasks = frame["task"].nunique()
    undefined = tasks - frame.loc[frame["regret_default"].notna(), "task"].nunique()
    interval_note = f"Mean over tasks and its {_INTERVAL}."
    default_note = f"{interval_note} Over {tasks - undefined} of {tasks} tasks: on the others no default is known, or "
    bounds = [method for method in dict.fromkeys(frame["method"]) if method not in contestants]
    found = [
        _sheet(
            frame,
            "regret_median",
            "Regret: 0 = best of the pool, 1 = median configuration",
            interval_note,
            printed=True,
        ),
        *(_paired_sheets(frame, baseline, bounds) if baseline else []),
        *_sheets_by_model(frame, interval_note),
        _sheet(
            frame,
            "regret_default",
            "Regret: 0 = best of the pool, 1 = default",
            default_note + "nothing in the pool beats it beyond the noise.",
            printed=True,
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


def _sheets_by_model(frame: pd.DataFrame, note: str) -> list[Sheet]:
    """A table for each of several base models, because a mean over tasks can hide a failure on a model."""
    parts = list(frame.groupby("model", sort=False))
    if len(parts) < 2:
        return []
    return [_sheet(part, "regret_median", f"Regret on {model}", note) for model, part in parts]


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


def rich_table(sheet: Sheet, width: int) -> Table:
    """For a terminal of so many columns, with as much of the cells as has room."""
    table = Table(title=sheet.title, title_justify="left", header_style="bold", caption=sheet.note)
    for place, name in enumerate(sheet.head):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in _fitted(sheet, width):
        table.add_row(*row)
    return table


def markdown(sheet: Sheet) -> str:
    """For documents."""
    rule = ["---", *("---:" for _ in sheet.head[1:])]
    lines = ["| " + " | ".join(cells) + " |" for cells in (sheet.head, rule, *sheet.rows)]
    return f"## {sheet.title}\n\n" + "\n".join(lines) + f"\n\n{sheet.note}\n"


def _fitted(sheet: Sheet, width: int) -> Sequence[Sequence[str]]:
    """The rows in the widest layout that has room, or else in the narrowest."""
    rows = sheet.rows
    for layout in _LAYOUTS:
        rows = [(row[0], *(_laid_out(cell, layout) for cell in row[1:])) for row in sheet.rows]
        if _width(sheet.head, rows) <= width:
            break
    return rows


def _laid_out(cell: str, layout: str) -> str:
    found = _CELL.fullmatch(cell)
    mean, interval, counts = found.groups(default="") if found else (cell, "", "")
    lines = layout.format(mean=mean, interval=interval, counts=counts).split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())


def _width(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Of a table in the terminal: its longest lines, and rules and blanks between them."""
    longest = [max(len(line) for cell in cells for line in cell.split("\n")) for cells in zip(head, *rows, strict=True)]
    return sum(longest) + 3 * len(longest) + 1


def _sheet(
    frame: pd.DataFrame,
    column: str,
    title: str,
    note: str,
    cell: Callable[[Interval], str] | None = None,
    *,
    printed: bool = False,
) -> Sheet:
    found = means(frame, column)
    write = cell or _with_interval
    return _grid(frame, title, note, {key: write(value) for key, value in found.items()}, printed=printed)


def _paired_sheets(frame: pd.DataFrame, baseline: str, bounds: Sequence[str]) -> list[Sheet]:
    """Differences from the baseline, the share of its gap to a bound that is closed, and ratios to it."""
    found = {key: _with_counts(value) for key, value in differences(frame, baseline).items()}
    note = f"Mean over tasks (1 = median) and its {_INTERVAL}; tasks won/lost/tied. Below 0 is better."
    sheets = [_grid(frame, f"Regret minus that of {baseline}", note, found, omitted=[baseline], printed=True)]
    for bound in bounds:
        found = {key: _with_interval(value) for key, value in closed_shares(frame, baseline, bound).items()}
        title = f"Share of the gap between {baseline} and the best that is closed"
        note = f"Of the mean regrets: 0 = {baseline}, 1 = {bound}; {_INTERVAL}. A dash where there is no gap."
        sheets.append(_grid(frame, title, note, found, omitted=[baseline, bound], printed=True))
    found = {key: _with_interval(value) for key, value in ratios(frame, baseline).items()}
    note = f"Ratio of the mean regrets and its {_INTERVAL}. Below 1 is better. A dash where the baseline has none."
    return [*sheets, _grid(frame, f"Regret as a share of that of {baseline}", note, found, omitted=[baseline])]


def _rank_sheet(frame: pd.DataFrame, contestants: Sequence[str]) -> Sheet:
    found = {key: f"{value:.2f}" for key, value in ranks(frame, contestants).items()}
    note = f"Among {len(contestants)} methods by regret on each task, seeds averaged; 1 is the best, ties share."
    return _grid(frame, "Average rank", note, found, printed=True)


def _test_sheet(frame: pd.DataFrame, note: str) -> Sheet:
    metrics = sorted(set(frame["metric"]))
    if len(metrics) > 1:
        return _grid(frame, "Test", "", {})
    return _sheet(
        frame, "test", f"Test {metrics[0].removeprefix('validation_')} of the checkpoint that validation chose", note
    )


def _grid(
    frame: pd.DataFrame,
    title: str,
    note: str,
    cells: Mapping[tuple[str, str], str],
    *,
    omitted: Sequence[str] = (),
    printed: bool = False,
) -> Sheet:
    """Methods, but for those omitted, by budgets."""
    methods = [method for method in dict.fromkeys(frame["method"]) if method not in omitted]
    budgets = list(dict.fromkeys(frame["budget"]))
    rows = [(method, *(cells.get((method, budget), "-") for budget in budgets)) for method in methods]
    return Sheet(title, note, ("method", *budgets), rows, printed)


def _with_interval(value: Interval) -> str:
    return f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]" if value.tasks else "-"


def _with_counts(value: Difference) -> str:
    of = value.interval
    return f"{of.mean:+.3f} [{of.low:+.3f}, {of.high:+.3f}] {value.wins}/{value.losses}/{value.ties}"


def _mean_alone(value: Interval) -> str:
    return f"{value.mean:.2f}" if value.tasks else "-"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def _values(one: Headroom) -> tuple[float | None, ...]:
    return one.noise, one.default, one.average, one.average_many, one.portfolio_many, one.oracle
