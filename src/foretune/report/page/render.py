"""The page as HTML: a template, a style sheet and a script, all in one file. Every value is escaped by the template."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import DictLoader, Environment, StrictUndefined, Template

from foretune.errors import JournalError
from foretune.report import plot_style
from foretune.report.page.answers import answers_of
from foretune.report.page.chart import NARROW, WIDE, Chart, draw
from foretune.report.page.costs import Cost, costs_of, memory_of
from foretune.report.page.curves import learning_curves, search_chart
from foretune.report.page.reasons import reasons_of
from foretune.report.page.record import RunRecord, State
from foretune.report.page.summary import asked_of, environment_of, figures_of, short_name
from foretune.report.page.table import ConfigurationTable, table_of
from foretune.report.spoken import format_seconds
from foretune.report.tables import METRIC_NAMES, describe, describe_judged, loss, score_cells, score_columns

PAGE = "report.html"
MARK = '<meta name="generator" content="foretune report">'
"""By which a page is known that may be replaced."""
_COLORS = {
    "light": {
        "ink": plot_style.INK,
        "faint": plot_style.FAINT,
        "best": plot_style.BEST,
        "default": plot_style.DEFAULT,
        "grid": plot_style.GRID,
    },
    "dark": plot_style.DARK,
}


@cache
def template(name: str) -> Template:
    """A template of this folder."""
    folder = resources.files("foretune.report.page")
    names = [one.name for one in folder.iterdir() if one.name.endswith((".j2", ".css", ".js"))]
    files = {one: (folder / one).read_text(encoding="utf-8") for one in names}
    # The script and the style sheet are included and hold no values, so that escaping leaves them alone.
    environment = Environment(loader=DictLoader(files), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"seconds": format_seconds, "described": describe, "loss": loss, "short": short_name}
    return environment.get_template(name, globals={"colors": _COLORS, "mark": MARK})


def page_of(record: RunRecord) -> str:
    """The whole page."""
    report, table, costs = record.report, table_of(record), costs_of(record)
    charts = [chart for chart in (learning_curves(record), search_chart(record)) if chart]
    return template("page.html.j2").render(
        record=record,
        report=report,
        states=State,
        figures=figures_of(record),
        asked=asked_of(record),
        columns=score_columns(report.scores) if report.scores else (),
        scores=[(row, score_cells(row)) for row in report.scores],
        reasons=reasons_of(record),
        metric=METRIC_NAMES.get(report.metric, report.metric),
        judged=describe_judged(report.judged) if report.judged else "",
        charts=[(chart, [one for frame in (WIDE, NARROW) if (one := draw(chart, frame))]) for chart in charts],
        runs=_runs(record, table, charts),
        table=table,
        answers=answers_of(report),
        costs=costs,
        longest=max([one.seconds for one in costs], default=1.0),
        total=_total(costs),
        memory=memory_of(record),
        environment=environment_of(record),
    )


def _total(costs: tuple[Cost, ...]) -> float:
    return sum(one.seconds for one in costs if one.within)


def _runs(record: RunRecord, table: ConfigurationTable, charts: list[Chart]) -> dict[str, object]:
    """What the script says of a point: for each configuration its name and its curve."""
    numbers = {row.key: (number, row) for number, row in enumerate(table.rows, start=1)}
    return {
        trial.key: {
            "name": f"{numbers[trial.key][0]}. {numbers[trial.key][1].described}",
            "said": numbers[trial.key][1].said,
            "losses": [round(loss, 4) for loss in trial.validation_nll],
            "seconds": [round(one, 1) for one in trial.seconds],
            "spent": [round(one, 1) for one in trial.spent_seconds],
        }
        for trial in record.report.trials
        if trial.validation_nll and charts
    }


def write_page(record: RunRecord, path: Path) -> None:
    """Write the page; a kill leaves the earlier page, or none.

    Raises:
        JournalError: there is another file, or the place cannot be written to.
    """
    write_html(page_of(record), path)


def write_html(page: str, path: Path) -> None:
    """Write a page, as `write_page` does."""
    if path.is_dir() or not path.parent.is_dir():
        message = f"{path} is no file that could be written; give a file name in a folder that exists to --out"
        raise JournalError(message)
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise JournalError(f"{path} exists and is no report of foretune; give another file to --out")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(page, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        message = f"cannot write {path} ({error.strerror or error}); give another file to --out"
        raise JournalError(message) from error
