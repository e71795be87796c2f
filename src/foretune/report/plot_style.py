"""The common style of all figures: colors, frames, and scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, BEST, DEFAULT, GRID = "#1f2933", "#9aa5b1", "#0b7285", "#e8590c", "#e4e7eb"
DARK = {"ink": "#e4e7eb", "faint": "#7b8794", "best": "#3bc9db", "default": "#ff922b", "grid": "#323f4b"}
"""The same on a dark ground."""
LOGARITHMIC_FROM = 4
"""An axis whose ends are apart by this factor has a logarithmic scale."""
REGRET_TOP = 1.25
"""Where the axis of the regret ends; an untrained model can be far above."""


@dataclass(frozen=True)
class Stroke:
    """How the line of a method is drawn.

    Attributes:
        light: color on a light ground.
        dark: the same on a dark ground.
        dashes: lengths of dash and gap in widths of the line; empty for a whole line.
        strong: whether the line is thicker than others.
    """

    light: str
    dark: str
    dashes: tuple[float, ...] = ()
    strong: bool = False


_HUES = (
    ("#c57700", "#f8ab42"),
    ("#3c70c4", "#a8c3f0"),
    ("#1a6342", "#32a27c"),
    ("#553166", "#ae86e2"),
    ("#0ba3a1", "#9bfbfe"),
    ("#6a1200", "#985431"),
)
"""Also told apart by readers who see red and green, or blue and yellow, alike; a test measures that."""
_BANDS = 8
"""Methods whose intervals can be told apart."""
_DASHES = ((), (6.0, 2.0), (1.2, 1.2), (6.0, 1.5, 1.2, 1.5))
_PLAIN = {
    "zero-shot": Stroke("#7b8794", "#7b8794", (1.0, 2.0)),
    "default": Stroke("#616e7c", "#a7b3bf", (4.0, 2.0)),
    "oracle": Stroke(INK, DARK["ink"], (2.0, 1.5)),
    "random": Stroke("#7b8794", "#909aa5"),
}
_USUAL = (
    "transfer-in-context",
    "portfolio",
    "lr-probe",
    "transfer",
    "best-average",
    "quick-tune",
    "one-slice-top-k",
    "nearest-task",
    "portfolio-sha",
    "quick-tune-repaired",
)
"""Methods that look the same in every comparison."""


def method_strokes(methods: Sequence[str]) -> dict[str, Stroke]:
    """How each method is drawn, in figures and on pages; up to 24 of them differ in color or dashes."""
    usual = {name: _USUAL.index(name) for name in methods if name in _USUAL}
    free = (place for place in count() if place not in usual.values())
    places = {name: usual[name] if name in usual else next(free) for name in methods if name not in _PLAIN}
    return {name: _PLAIN[name] if name in _PLAIN else _stroke(name, places[name]) for name in methods}


def banded(methods: Sequence[str]) -> list[str]:
    """Whose intervals are shown: all methods', or, where they would hide each other, those that stand out."""
    strokes = method_strokes(methods)
    return [name for name in methods if len(methods) <= _BANDS or strokes[name].strong]


def _stroke(name: str, place: int) -> Stroke:
    light, dark = _HUES[place % len(_HUES)]
    return Stroke(light, dark, _DASHES[place // len(_HUES) % len(_DASHES)], strong=name.startswith("transfer"))


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
