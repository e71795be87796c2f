"""The common style of all figures: colors, frames, and scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, BEST, DEFAULT, GRID = "#1f2933", "#9aa5b1", "#0b7285", "#e8590c", "#e4e7eb"
DARK = {"ink": "#e4e7eb", "faint": "#7b8794", "best": "#3bc9db", "default": "#ff922b", "grid": "#323f4b"}
"""The same on a dark ground."""
LOGARITHMIC_FROM = 4
"""An axis whose ends are apart by this factor has a logarithmic scale."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (half a second that only drawing should cost)

    return Figure(figsize=(width, height), dpi=150, layout="constrained")


def dress(axes: Axes, grid: str) -> None:
    """No frame at the top and the right, and a grid along `x` or `y`."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)  # pyright: ignore[reportArgumentType] - x or y
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=8)


def scale_axis(axes: Axes, low: float, high: float, which: str = "x") -> None:
    """Limits a little outside of `low` and `high`; logarithmic, with ticks at 1, 2 and 5, where these are far apart."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 (half a second that only drawing should cost)

    limit = axes.set_xlim if which == "x" else axes.set_ylim
    if low <= 0 or high < LOGARITHMIC_FROM * low:
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        limit(low - margin, high + margin)
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    limit(low * 0.9, high * 1.1)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())
