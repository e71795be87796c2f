"""The two charts of a page: the learning curve of each configuration, and the search over its time."""

from __future__ import annotations

from itertools import accumulate

from foretune.report.page.chart import Chart, Level, Line
from foretune.report.page.reasons import before_best, find, lowest
from foretune.report.page.record import RunRecord
from foretune.report.run_report import RunReport, TrialCurve
from foretune.report.tables import describe, describe_row
from foretune.types import CONTINUES

_LAST = ("other", "part", "default", "best", "returned")
"""Kinds of line; the later are drawn over the earlier."""


def learning_curves(record: RunRecord) -> Chart:
    """Validation loss of each configuration over its own time of training."""
    report = record.report
    lines = [_line(trial, record) for trial in report.trials if trial.validation_nll]
    return Chart(
        name="curves",
        title="Learning curves",
        described=_described(report),
        lines=tuple(sorted(lines, key=lambda line: _LAST.index(line.kind))),
        untouched=record.untouched,
        x_label="training of each configuration",
        heights=_heights(record),
    )


def search_chart(record: RunRecord) -> Chart | None:
    """Validation loss of each slice over the time of the search, and the best so far; None for a single run."""
    report = record.report
    if record.journal is None:
        return None
    kinds = kinds_of(report)
    lines = tuple(
        Line(trial.key, kinds[trial.key], tuple(zip(trial.spent_seconds, trial.validation_nll, strict=False)))
        for trial in report.trials
        if trial.spent_seconds and trial.validation_nll
    )
    points = sorted(point for line in lines for point in line.points)
    best = list(accumulate((loss for _, loss in points), min))
    stairs = tuple(zip([spent for spent, _ in points], best, strict=True))
    marks = [Level(row.validation.nll, describe_row(row), report.spent_seconds) for row in report.scores if row.members]
    return Chart(
        name="search",
        title="The search",
        described=f"The best validation loss so far came down from {best[0]:.4g} to {best[-1]:.4g}." if best else "",
        lines=lines,
        untouched=record.untouched,
        x_label="since the start",
        heights=_heights(record),
        marks=tuple(marks),
        stairs=(*stairs, (max(report.spent_seconds, stairs[-1][0]), best[-1])) if stairs else (),
        shaded=report.setup_seconds,
        dots=True,
    )


def kinds_of(report: RunReport) -> dict[str, str]:
    """Of each configuration by key: `returned`, `best`, `default`, `part` (of the returned one) or `other`."""
    returned, kinds = report.scores[-1] if report.scores else None, {one.key: "other" for one in report.trials}
    parts = {one.key for one in returned.members} if returned else set[str]()
    kinds |= dict.fromkeys(parts | {one.key for one in before_best(report)}, "part")
    if report.default_key in kinds:
        kinds[report.default_key] = "default"
    best = next((row.configuration for row in report.scores if row.name == "best"), None)
    kinds |= {one.key: "best" for one in report.trials if best and dict(one.configuration) == dict(best)}
    if report.best_key in kinds:
        kinds[report.best_key] = "best" if returned and returned.members else "returned"
    return kinds


def _line(trial: TrialCurve, record: RunRecord) -> Line:
    points, first = _from_beginning(trial, record)
    kind = kinds_of(record.report)[trial.key]
    return Line(trial.key, kind, points, first, stars=kind in {"returned", "best", "default"})


def _from_beginning(trial: TrialCurve, record: RunRecord) -> tuple[tuple[tuple[float, float], ...], int]:
    """Seconds and losses, from what the run began with: the base model, where its loss is known, or another run."""
    before, start = find(record.report.trials, str(trial.configuration.get(CONTINUES))), list[tuple[float, float]]()
    if before is not None and before.validation_nll:
        start = [_from_beginning(before, record)[0][lowest(before) - len(before.validation_nll)]]
    elif record.untouched is not None:
        start = [(0.0, record.untouched)]
    begun = start[0][0] if start else 0.0
    seconds = [begun + passed for passed in accumulate(trial.seconds)]
    return (*start, *zip(seconds, trial.validation_nll, strict=True)), -len(start)


def _heights(record: RunRecord) -> tuple[float, float]:
    """Of both charts; a diverged run does not squeeze all others: far above the base model losses are cut off."""
    report = record.report
    losses = [loss for trial in report.trials for loss in trial.validation_nll]
    losses += [row.validation.nll for row in report.scores if row.members]
    losses += [] if record.untouched is None else [record.untouched]
    low, high = min(losses, default=0.0), max(losses, default=1.0)
    return low, high if record.untouched is None else min(high, low + 1.4 * max(record.untouched - low, 1e-3))


def _described(report: RunReport) -> str:
    scored = [trial for trial in report.trials if trial.validation_nll]
    if not scored:
        return ""
    best = min(scored, key=lambda trial: min(trial.validation_nll))
    return (
        f"Validation loss of {len(scored)} configurations over their time of training. The least is "
        f"{min(best.validation_nll):.4f}, of {describe(best.configuration, short=True)}, after slice "
        f"{lowest(best) + 1}. The table below has all of them."
    )
