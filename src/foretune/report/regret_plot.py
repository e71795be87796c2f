"""`regret.png`: regret of every method over the budget, with intervals over tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.benchmark.figures import RegretCurve
from foretune.report.plot_style import GRID, INK, REGRET_TOP, banded, method_strokes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 95
"""Of names that the legend has in a row."""


def draw_regret(curves: Mapping[str, RegretCurve], *, tasks: int, leave_out: str) -> Figure:
    """Regret (0 = best of the pool, 1 = median configuration) against the budget in mean full runs.

    Args:
        curves: by method.
        tasks: that they are means over.
        leave_out: knowledge that was kept from the methods.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 (half a second that only drawing should cost)

    figure = Figure(figsize=(8.5, 5.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    strokes = method_strokes(list(curves))
    shown = banded(list(curves))
    for name, curve in curves.items():
        stroke = strokes[name]
        if name in shown:
            axes.fill_between(
                curve.runs,
                curve.low,
                curve.high,
                color=stroke.light,
                alpha=0.15 if stroke.strong else 0.06,
                linewidth=0,
                step="post",
            )
        axes.step(
            curve.runs,
            curve.mean,
            where="post",
            color=stroke.light,
            linewidth=2.6 if stroke.strong else 1.6,
            linestyle=(0, stroke.dashes) if stroke.dashes else "-",
            label=name if curve.mean.min() < REGRET_TOP else f"{name} ({curve.mean.min():.0f}, not in the picture)",
            zorder=4 if stroke.strong else 3,
        )
    _dress(axes, curves)
    axes.set_title(f"{tasks} tasks, one {leave_out} left out; {_said(shown, curves)}", fontsize=10, color=INK)
    columns = max(1, min(5, _LETTERS // max(map(len, curves))))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    return figure


def _said(shown: Sequence[str], curves: Mapping[str, RegretCurve]) -> str:
    """Whose intervals these are."""
    if not shown:
        return "mean over tasks"
    of = "" if len(shown) == len(curves) else f" of {', '.join(shown)}"
    return f"mean and 95 % interval over tasks{of}"


def save_regret(figure: Figure, path: Path) -> None:
    """Draw into a PNG file; needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (as above)

    FigureCanvasAgg(figure).print_png(path)  # pyright: ignore[reportArgumentType]


def _dress(axes: Axes, curves: Mapping[str, RegretCurve]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_xscale("log")
    runs = next(iter(curves.values())).runs
    ticks = [tick for tick in (0.25, 0.5, 1, 2, 3, 5, 10, 15, 30, 50, 100) if runs[0] * 0.99 <= tick <= runs[-1] * 1.01]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(runs[0], runs[-1])
    axes.set_ylim(0, REGRET_TOP)
    axes.axhline(1.0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("budget spent (mean full runs of the task)")
    axes.set_ylabel("regret (0 = best of the pool, 1 = median configuration)")
