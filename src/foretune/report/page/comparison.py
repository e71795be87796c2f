"""The page about a comparison: regret curves, average ranks, tables, and the curves of each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from foretune.report.comparison import Comparison
from foretune.report.page.chart import NARROW, WIDE, Frame, Scale
from foretune.report.page.render import template
from foretune.report.page.summary import Figure
from foretune.report.plot_style import REGRET_TOP, Stroke, banded, method_strokes

SMALL = Frame(260, 150, left=30, right=8, top=6, bottom=22)
_DASH = 1.8
"""Width of a line, which dashes are measured in."""


@dataclass(frozen=True)
class Trace:
    """The line of a method in a panel.

    Attributes:
        number: of the method, from 0.
        points: for a polyline.
        band: for a polygon; empty for none.
    """

    number: int
    points: str
    band: str = ""


@dataclass(frozen=True)
class Panel:
    """Regret over the budget in a frame, with all places worked out."""

    name: str
    frame: Frame
    x: Scale
    y: Scale
    traces: tuple[Trace, ...]


def comparison_page(comparison: Comparison) -> str:
    """The whole page."""
    curves = comparison.curves
    means = {name: curve.mean for name, curve in curves.items()}
    bands = {name: (curves[name].low, curves[name].high) for name in banded(list(curves))}
    runs = comparison.runs
    return template("comparison.html.j2").render(
        comparison=comparison,
        strokes=_styles(list(curves)),
        numbers={name: number for number, name in enumerate(curves)},
        figures=figures_of(comparison),
        panels=[panel(name, frame, runs, means, bands) for name, frame in (("wide", WIDE), ("narrow", NARROW))],
        banded=list(bands),
        above={name: min(mean) for name, mean in means.items() if min(mean) >= REGRET_TOP},
        small=[
            (task, panel(f"small-{number}", SMALL, runs, {name: curve.tasks[task] for name, curve in curves.items()}))
            for number, task in enumerate(comparison.tasks)
        ],
    )


def panel(
    name: str,
    frame: Frame,
    runs: tuple[float, float],
    means: Mapping[str, Sequence[float]],
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] = MappingProxyType({}),
) -> Panel:
    """Work out the places of curves.

    Args:
        name: a word, for identifiers.
        frame: to draw in.
        runs: the first and the last budget.
        means: of each method.
        bands: lower and upper ends of the intervals that are drawn.
    """
    x = Scale(*runs, frame.left, frame.width - frame.right, logarithmic=True)
    y = Scale(0.0, REGRET_TOP, frame.height - frame.bottom, frame.top)
    traces = [
        Trace(number, _path(means[method], x, y), _band(*bands[method], x, y) if method in bands else "")
        for number, method in enumerate(means)
    ]
    return Panel(name, frame, x, y, tuple(traces))


def figures_of(comparison: Comparison) -> list[Figure]:
    """The regret of the method with the least average rank, for each budget, and whether tests tell it apart."""
    return [
        Figure(f"regret at {one.budget}", f"{one.regrets[0]:.2f}", f"{one.methods[0]}, {_apart(one.beside_first)}")
        for one in comparison.rankings
    ]


def _apart(others: int) -> str:
    if not others:
        return "told apart from all others"
    return f"not told apart from {others} {'others' if others > 1 else 'other'}"


def _styles(methods: Sequence[str]) -> list[tuple[str, Stroke, str]]:
    """Name, colors, and dashes for the style sheet."""
    return [
        (name, stroke, " ".join(f"{_DASH * one:g}" for one in stroke.dashes) or "none")
        for name, stroke in method_strokes(methods).items()
    ]


def _path(values: Sequence[float], x: Scale, y: Scale) -> str:
    """Values at budgets that are equally far apart on the axis."""
    step = (x.end - x.begin) / max(1, len(values) - 1)
    return " ".join(f"{x.begin + step * at:.1f},{y.place(value):g}" for at, value in enumerate(values))


def _band(low: Sequence[float], high: Sequence[float], x: Scale, y: Scale) -> str:
    """There along the upper ends, back along the lower ones."""
    return f"{_path(high, x, y)} {' '.join(reversed(_path(low, x, y).split()))}"
