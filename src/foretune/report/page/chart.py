"""Line charts as numbers for SVG: scales, ticks and the places of points; what they show is said in `curves`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from foretune.report.plot_style import LOGARITHMIC_FROM

_MARGIN = 0.05
_TICKS = 5
_FACTORS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0))


@dataclass(frozen=True)
class Line:
    """A run in a chart.

    Attributes:
        key: of its configuration.
        kind: `returned`, `best`, `default`, `part` or `other`, see the style sheet.
        points: x and y in the chart's units.
        first: number of the slice, from 0, that the first point is of; -1 where that is what the run began with.
        stars: whether its lowest point is marked.
    """

    key: str
    kind: str
    points: tuple[tuple[float, float], ...]
    first: int = 0
    stars: bool = False


@dataclass(frozen=True)
class Level:
    """A horizontal line, or with `begin` a mark at that place."""

    value: float
    label: str
    begin: float | None = None


@dataclass(frozen=True)
class Chart:
    """What a chart shows.

    Attributes:
        name: a word, for identifiers.
        title: over it.
        described: what can be seen in it, for people who do not see it.
        lines: drawn in this order.
        untouched: loss of the base model; None where that is not known.
        marks: single points with a label.
        stairs: the best so far, as corners of a line.
        shaded: end of the span from 0 that is shaded.
        x_label: without the unit.
        dots: whether points are drawn alone, without lines between them.
        heights: lowest and greatest value that is shown; what is above is drawn at the upper edge.
    """

    name: str
    title: str
    described: str
    lines: tuple[Line, ...]
    untouched: float | None
    x_label: str
    heights: tuple[float, float]
    marks: tuple[Level, ...] = ()
    stairs: tuple[tuple[float, float], ...] = ()
    shaded: float = 0.0
    dots: bool = False


@dataclass(frozen=True)
class Frame:
    """Width and height of a drawing, and the margins that labels need."""

    width: int
    height: int
    left: int = 54
    right: int = 14
    top: int = 12
    bottom: int = 44


WIDE, NARROW = Frame(920, 400), Frame(380, 320, left=46)


@dataclass(frozen=True)
class Scale:
    """From values to places.

    Attributes:
        low: value at `begin`.
        high: value at `end`.
        begin: place.
        end: place.
        logarithmic: whether equal ratios are equally far apart.
    """

    low: float
    high: float
    begin: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Of a value, rounded to a tenth."""
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low / 1e6))
        return round(self.begin + (self.end - self.begin) * (at - low) / (high - low), 1)

    def ticks(self) -> list[float]:
        """Round values; on a logarithmic scale the fewest of some kind that are four or more."""
        if not self.logarithmic:
            step = _round_step((self.high - self.low) / _TICKS)
            first = math.ceil(self.low / step - 1e-9)
            return [round(step * number, 10) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for factors in _FACTORS:
            found = [factor * 10.0**power for power in exponents for factor in factors]
            found = [value for value in found if self.low <= value <= self.high]
            if len(found) >= 4:
                break
        return found


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(factor for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * (1 - 1e-9))


@dataclass(frozen=True)
class Drawn:
    """A chart in a frame, with all places worked out."""

    chart: Chart
    frame: Frame
    x: Scale
    y: Scale
    unit: str
    seconds: float

    @property
    def x_ticks(self) -> list[tuple[float, str]]:
        """Place and label of each."""
        return [(self.x.place(value * self.seconds), f"{value:g}") for value in self._in_unit().ticks()]

    @property
    def y_ticks(self) -> list[tuple[float, str]]:
        """Place and label of each."""
        return [(self.y.place(value), f"{value:g}") for value in self.y.ticks()]

    def _in_unit(self) -> Scale:
        return Scale(self.x.low / self.seconds, self.x.high / self.seconds, 0, 1)

    @property
    def cut(self) -> bool:
        """Whether a point is above the upper edge."""
        return any(y > self.y.high for line in self.chart.lines for _, y in line.points)

    def height(self, value: float) -> float:
        """The place of a loss; the upper edge for what is above it."""
        return max(self.y.place(value), self.y.end)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """For the attribute `points` of a polyline."""
        return " ".join(f"{self.x.place(x):g},{self.height(y):g}" for x, y in points)

    def star(self, line: Line) -> tuple[float, float]:
        """The place of the lowest point that was trained."""
        x, y = min(line.points[max(-line.first, 0) :], key=lambda point: point[1])
        return self.x.place(x), self.height(y)

    def corners(self) -> str:
        """Of the stairs, as a path."""
        moves = [f"{self.x.place(x):g} V{self.height(y):g}" for x, y in self.chart.stairs]
        first = f"M{self.x.place(self.chart.stairs[0][0]):g},{self.height(self.chart.stairs[0][1]):g}"
        return " H".join([first, *moves])


def draw(chart: Chart, frame: Frame) -> Drawn | None:
    """Work out all places; None for a chart without a point."""
    points = [point for line in chart.lines for point in line.points]
    if not points:
        return None
    longest = max([x for x, _ in points] + [x for x, _ in chart.stairs] + [one.begin or 0.0 for one in chart.marks])
    unit, seconds = ("hours", 3600.0) if longest >= 7200 else ("minutes", 60.0) if longest >= 180 else ("seconds", 1.0)
    x = Scale(0.0, longest * 1.03 or 1.0, frame.left, frame.width - frame.right)
    y = _heights(*chart.heights, frame.height - frame.bottom, frame.top)
    return Drawn(chart, frame, x, y, unit, seconds)


def _heights(low: float, high: float, begin: float, end: float) -> Scale:
    """A little wider than the values; logarithmic where they are far apart."""
    if low > 0 and high >= LOGARITHMIC_FROM * low:
        spare = (high / low) ** _MARGIN
        return Scale(low / spare, high * spare, begin, end, logarithmic=True)
    spare = _MARGIN * (high - low) or 0.05 * abs(high) or 0.05
    return Scale(low - spare, high + spare, begin, end)
