"""What was measured, as a figure: one panel a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foretune.report.plot_style import BEST, DEFAULT, FAINT, INK, dress, new_figure, scale_axis
from growing.measure import Figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MS, MOST_FIT_SECONDS, MOST_GB = 10.0, 180.0, 1.0
"""What is aimed at."""


@dataclass(frozen=True)
class Line:
    """What is drawn as one line; without a label it is not in the legend."""

    label: str
    across: Sequence[float]
    up: Sequence[float]
    color: str
    style: str = "-"


def draw(
    path: Path, pools: Mapping[int, Figures], observations: Mapping[str, Figures], tables: Mapping[str, Figures]
) -> None:
    """One panel a question."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = new_figure(10.5, 6.2)
    panels = iter(figure.subplots(2, 3).ravel())
    known = {size: 1e3 * figures["later"] for size, figures in pools.items() if "later" in figures}
    milliseconds, points = "ask + tell, ms", "curve points learned from"
    pool = [Line("", list(known), list(known.values()), BEST)]
    plot(next(panels), pool, "candidates", milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_spreads(observations)), "slices observed", milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_tables(tables, {"later": ("", BEST)}, 1e3)), points, milliseconds, MOST_MS)
    plot(next(panels), list(lines_of_tables(tables, {"first": ("", BEST)})), points, "first two asks, s")
    what = {"fit": ("foretune fit", DEFAULT), "performance": ("performance alone", BEST), "read": ("reading", FAINT)}
    plot(next(panels), list(lines_of_tables(tables, what)), points, "fitting, s", MOST_FIT_SECONDS)
    peaks = {"fit_peak": ("foretune fit", DEFAULT), "search_peak": ("search", BEST)}
    plot(next(panels), list(lines_of_tables(tables, peaks)), points, "peak memory, GB", MOST_GB)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)


def lines_of_spreads(observations: Mapping[str, Figures]) -> Iterator[Line]:
    for (spread, figures), color in zip(observations.items(), (BEST, INK, DEFAULT), strict=False):
        known = {int(number): 1e3 * one["later"] for number, one in figures.items() if number.isdecimal()}
        yield Line(spread, list(known), list(known.values()), color)


def lines_of_tables(
    tables: Mapping[str, Figures], what: Mapping[str, tuple[str, str]], factor: float = 1.0
) -> Iterator[Line]:
    """A line for every figure and share of common configurations; a single figure is labelled by the share."""
    shares = list(dict.fromkeys(name.rpartition("-")[2] for name in tables))
    for share, style in zip(shares, ("-", "--", ":"), strict=False):
        for key, (label, color) in what.items():
            known = [f for name, f in tables.items() if name.rpartition("-")[2] == share and key in f and "points" in f]
            text = label if share == shares[0] else ""
            if len(what) == 1:
                text = f"{float(share):.0%} of configurations common"
            yield Line(text, [one["points"] for one in known], [factor * one[key] for one in known], color, style)


def plot(axes: Axes, lines: Sequence[Line], x: str, y: str, most: float | None = None) -> None:
    dress(axes, "both")
    for line in lines:
        label = line.label or None
        axes.plot(line.across, line.up, line.style, marker="o", markersize=3.5, color=line.color, label=label)
    across = sorted({value for line in lines for value in line.across})
    up = [value for line in lines for value in line.up]
    if not up:
        return
    if most is not None:
        axes.axhline(most, color=INK, linestyle=(0, (1, 2)), linewidth=1.2, label=f"aim: {most:g}")
        up.append(most)
    scale_axis(axes, min(up), max(*up, 5.0 * min(up)), "y")
    axes.set_xscale("log")
    axes.set_xticks(across, [short(value) for value in across])
    axes.minorticks_off()
    if any(line.label for line in lines) or most is not None:
        axes.legend(frameon=False, fontsize=7)
    axes.set_xlabel(x, fontsize=8.5, color=INK)
    axes.set_ylabel(y, fontsize=8.5, color=INK)


def short(value: float) -> str:
    """With k for thousands and M for millions."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"
