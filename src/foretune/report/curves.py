"""`curves.png`: every learning curve of a search, the returned run marked, and how the best so far came down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretune.report.run_report import RunReport, TrialCurve
from foretune.report.tables import describe, describe_row
from foretune.types import CONTINUES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _FAINT, _WINNER, _DEFAULT = "#1f2933", "#9aa5b1", "#0b7285", "#e8590c"


def draw_curves(report: RunReport) -> Figure:
    """Left: validation loss of each configuration over its own training time. Right: over the time of the search."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (half a second that only drawing should cost)

    figure = Figure(figsize=(10.5, 4.4), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.15, 1))
    for axes in (left, right):
        _dress(axes, report)
    _draw_trials(left, report)
    _draw_search(right, report)
    left.set_ylabel("validation loss (nats per token)")
    _limit_loss(left, report)
    tried = sum(1 for trial in report.trials if trial.spent_seconds or not trial.seconds)
    figure.suptitle(f"{tried} configurations in {report.spent_seconds:.0f} s", color=_INK, weight="bold")
    return figure


def save_curves(report: RunReport, path: Path) -> None:
    """Draw the curves into a PNG file; needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (as above)

    figure = draw_curves(report)
    FigureCanvasAgg(figure).print_png(path)  # pyright: ignore[reportArgumentType]


def _dress(axes: Axes, report: RunReport) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=9)
    zero_shot = next((row.validation.nll for row in report.scores if row.name == "zero-shot"), None)
    if zero_shot is not None:
        axes.axhline(zero_shot, color=_FAINT, linestyle=(0, (4, 3)), linewidth=1.2, label="zero-shot")


def _draw_trials(axes: Axes, report: RunReport) -> None:
    before_best = _before(_find(report.trials, report.best_key), report)
    for trial in report.trials:
        if trial.validation_nll and trial.key not in (report.best_key, report.default_key):
            seconds, losses = _from_zero_shot(trial, report)
            color, alpha = (_WINNER, 1.0) if trial.key in before_best else (_FAINT, 0.65)
            axes.plot(seconds, losses, color=color, alpha=alpha, linewidth=1.1, zorder=2)
            axes.plot(seconds[-1], losses[-1], "o", color=color, markersize=3, zorder=2)
    _draw_special(axes, report)
    axes.set_xlabel("seconds of training of each configuration")
    axes.set_title("learning curves", loc="left", fontsize=10, color=_INK)
    axes.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8, loc="upper right")


def _draw_special(axes: Axes, report: RunReport) -> None:
    marked = (report.default_key, _DEFAULT, "default"), (report.best_key, _WINNER, _name_of_returned(report))
    for key, color, name in marked:
        trial = _find(report.trials, key)
        if trial is None or not trial.validation_nll or (name == "default" and key == report.best_key):
            continue
        seconds, losses = _from_zero_shot(trial, report)
        label = f"{name}: {describe(trial.configuration, short=True)}"
        axes.plot(seconds, losses, color=color, linewidth=2.2, zorder=4, label=label)
        best = int(np.argmin(losses))
        axes.plot(seconds[best], losses[best], "*", color=color, markersize=13, zorder=5)


def _name_of_returned(report: RunReport) -> str:
    """`best`, unless a metric of answers or a limit on the guard returns another run."""
    trial = _find(report.trials, report.best_key)
    best = next((row for row in report.scores if row.name == "best"), None)
    return "returned" if trial and best and best.configuration != trial.configuration else "best"


def _before(trial: TrialCurve | None, report: RunReport) -> list[str]:
    """Keys of the runs that a run goes on from."""
    before = trial and _find(report.trials, str(trial.configuration.get(CONTINUES)))
    return [before.key, *_before(before, report)] if before else []


def _from_zero_shot(trial: TrialCurve, report: RunReport) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and losses, from what the run began with: the base model, where its loss is known, or another run."""
    before = _find(report.trials, str(trial.configuration.get(CONTINUES)))
    if before is not None and before.validation_nll:
        seconds, losses = _from_zero_shot(before, report)
        at = int(np.argmin(losses))
        start, begun = [losses[at]], [seconds[at]]
    else:
        start = [row.validation.nll for row in report.scores if row.name == "zero-shot"]
        begun = [0.0 for _ in start]
    return np.cumsum([*begun, *trial.seconds]), np.array([*start, *trial.validation_nll])


def _draw_search(axes: Axes, report: RunReport) -> None:
    points = sorted(
        (spent, loss)
        for trial in report.trials
        for spent, loss in zip(trial.spent_seconds, trial.validation_nll, strict=False)
    )
    axes.set_xlabel("seconds since the start")
    axes.set_title("the search", loc="left", fontsize=10, color=_INK)
    if not points:
        return
    spent, losses = np.array(points).T
    axes.plot(spent, losses, "o", color=_FAINT, markersize=4, alpha=0.8, label="a slice")
    line = np.minimum.accumulate(losses)
    axes.step(
        [*spent, report.spent_seconds],
        [*line, line[-1]],
        where="post",
        color=_WINNER,
        linewidth=2.2,
        label="best so far",
    )
    for row in report.scores:
        if row.members:
            axes.plot(report.spent_seconds, row.validation.nll, "D", color=_WINNER, zorder=5, label=describe_row(row))
    axes.axvspan(0, report.setup_seconds, color="#f1f3f5", zorder=0, label="loading")
    axes.set_xlim(left=0)
    axes.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize=8, loc="upper right")


def _limit_loss(axes: Axes, report: RunReport) -> None:
    """Keep a diverged run from squeezing all others: values far above the zero-shot loss are cut off."""
    losses = [loss for trial in report.trials for loss in trial.validation_nll]
    heights = losses + [row.validation.nll for row in report.scores]
    if heights:
        low, zero_shot = min(heights), max([row.validation.nll for row in report.scores], default=max(heights))
        high = min(max(heights), low + 1.4 * max(zero_shot - low, 1e-3))
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))


def _find(trials: Sequence[TrialCurve], key: str) -> TrialCurve | None:
    return next((trial for trial in trials if trial.key == key), None)
