"""Example learning curves of a meta-dataset: all runs of a few tasks, the best and the default marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from foretune.metadata import MetaDataset
from foretune.metadata.common import relative_to_width
from foretune.report.plot_style import BEST, DEFAULT, FAINT, INK, dress, new_figure, scale_axis
from foretune.types import VALIDATION_NLL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_EXAMPLES = 6


def draw_examples(meta: MetaDataset) -> Figure | None:
    """Learning curves of a few tasks of different families: all runs, the best and the default marked."""
    tasks = _example_tasks(meta)
    if not tasks:
        return None
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    figure = new_figure(3.5 * columns, 2.6 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(panels.flat):
        if place < len(tasks):
            _draw_task(axes, meta, tasks[place])
        else:
            axes.set_visible(False)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    figure.supxlabel("slices trained", fontsize=9, color=INK)
    ours = all(meta.metrics[task].name == VALIDATION_NLL.name for task in tasks)
    figure.supylabel("validation loss (nats per token)" if ours else "validation value", fontsize=9, color=INK)
    return figure


def _example_tasks(meta: MetaDataset) -> list[str]:
    """One task a family in turn, of those with curves of two slices or more."""
    long = [task for task in meta.task_ids if any(len(meta.curve(run)) > 1 for run in meta.runs_of(task))]
    turns: list[tuple[int, int, str]] = []
    seen: dict[str, int] = {}
    for place, task in enumerate(long):
        turns.append((seen.get(meta.families[task], 0), place, task))
        seen[meta.families[task]] = seen.get(meta.families[task], 0) + 1
    return [task for _, _, task in sorted(turns)[:_MOST_EXAMPLES]]


def _draw_task(axes: Axes, meta: MetaDataset, task: str) -> None:
    dress(axes, "y")
    score = meta.metrics[task].score
    curves = {run: curve.scores for run in meta.runs_of(task) if len(curve := meta.curve(run))}
    best = max(curves, key=lambda run: float(curves[run].max()))
    default = _default_run(meta, task)
    zero_shot = meta.facts("zero_shot_validation_value")[task]
    known = [] if np.isnan(zero_shot) else [float(zero_shot)]
    styles = {"default": (default, DEFAULT), "best": (best, BEST)}
    special = {run for run, _ in styles.values()}
    label: str | None = "a run"
    for run in [run for run in curves if run not in special]:
        _draw_curve(axes, [*known, *_values(score, curves[run])], start=0 if known else 1, color=FAINT, label=label)
        label = None
    for name, (run, color) in styles.items():
        if run in curves:
            values = [*known, *_values(score, curves[run])]
            _draw_curve(axes, values, start=0 if known else 1, color=color, label=name, width=2.0)
    if known:
        axes.axhline(known[0], color=FAINT, linestyle=(0, (4, 3)), linewidth=1.0, label="zero-shot")
    finals = [score(float(scores.max())) for scores in curves.values()]
    shown = [*known, *_values(score, curves[best])]
    _limit(axes, shown, finals, [value for scores in curves.values() for value in _values(score, scores)])
    axes.set_title(task, fontsize=8, color=INK, loc="left")


def _values(score: Callable[[float], float], scores: np.ndarray) -> list[float]:
    """Values in the metric's unit."""
    return [score(float(one)) for one in scores]


def _draw_curve(
    axes: Axes, values: Sequence[float], *, start: int, color: str, label: str | None, width: float = 0.8
) -> None:
    slices = range(start, start + len(values))
    faint = color == FAINT
    axes.plot(slices, values, color=color, linewidth=width, alpha=0.6 if faint else 1.0, label=label, zorder=2 + width)
    if len(values) == 1:
        axes.plot(slices, values, "o", color=color, markersize=3)


def _limit(axes: Axes, shown: Sequence[float], finals: Sequence[float], values: Sequence[float]) -> None:
    """Keep a diverged run from squeezing all others; losses that fall far are drawn on a logarithmic scale.

    Args:
        axes: to limit.
        shown: values that must be seen whole.
        finals: best value of each run.
        values: of all slices of all runs.
    """
    low, high = min([*shown, *values]), max([*shown, *values])
    reference = max([*shown, float(np.quantile(finals, 0.75))])
    high = min(high, low + 1.3 * max(reference - low, 1e-6))
    scale_axis(axes, low, high, "y")


def _default_run(meta: MetaDataset, task: str) -> str | None:
    default, width = meta.default(task), meta.widths[task]
    if default is None:
        return None
    wanted = relative_to_width(default, width)
    runs = meta.runs_of(task)
    return next((run for run in runs if relative_to_width(meta.configurations[run], width) == wanted), None)
