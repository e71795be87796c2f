"""How the loss falls with training rows: a table and a panel a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretune.metadata.sizes import SizeCurve
from foretune.report.plot_style import INK, dress, new_figure, scale_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_SHOWN = 4
"""Sizes that a table has columns for."""


def size_tables(curves: Sequence[SizeCurve]) -> list[Table]:
    """One table a dataset and metric: a row a base model, with the value before training and at a few sizes."""
    return [_size_table(dataset, metric, group) for (dataset, metric), group in _by_dataset(curves).items()]


def _size_table(dataset: str, metric: str, curves: Sequence[SizeCurve]) -> Table:
    sizes = np.unique(np.concatenate([one.rows for one in curves]))
    shown = sizes[np.unique(np.linspace(0, len(sizes) - 1, _SHOWN).round().astype(int))]
    caption = f"{metric} before training and at {len(shown)} of {len(sizes)} sizes, one run each"
    table = Table(title=f"{dataset} by training rows", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption)
    table.add_column("model", overflow="ellipsis", no_wrap=True)
    for name in ("zero-shot", *(f"{size:,.0f}" for size in shown)):
        table.add_column(name, justify="right", no_wrap=True)
    for one in curves:
        known = dict(zip(one.rows.tolist(), one.values.tolist(), strict=True))
        values = [one.zero_shot, *(known.get(size) for size in shown.tolist())]
        table.add_row(one.model.rpartition("/")[2], *("" if value is None else f"{value:.3f}" for value in values))
    return table


def draw_sizes(curves: Sequence[SizeCurve]) -> Figure | None:
    """Value over training rows: a panel a dataset and metric, a line a base model, the darker the less it ends at."""
    groups = _by_dataset(curves)
    if not groups:
        return None
    colors = _colors(curves)
    figure = new_figure(4.0 * len(groups) + 1.4, max(3.6, 0.4 + 0.15 * len(colors)))
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    lines: dict[str, Line2D] = {}
    for axes, ((dataset, metric), group) in zip(panels, groups.items(), strict=True):
        dress(axes, "y")
        for one in group:
            (lines[one.model],) = axes.plot(one.rows, one.values, color=colors[one.model], linewidth=1.1)
        for which, numbers in (("x", [one.rows for one in group]), ("y", [one.values for one in group])):
            together = np.concatenate(numbers)
            scale_axis(axes, float(together.min()), float(together.max()), which)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_title(dataset, fontsize=9, color=INK, loc="left")
        axes.set_ylabel(metric, fontsize=8.5, color=INK)
    figure.supxlabel("training rows", fontsize=9, color=INK)
    names = [model.rpartition("/")[2] for model in colors]
    handles = [lines[model] for model in colors]
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=6)
    return figure


def _colors(curves: Sequence[SizeCurve]) -> dict[str, tuple[float, float, float, float]]:
    """Base model -> color, in the order of the mean of the values that its curves end at."""
    from matplotlib import colormaps  # noqa: PLC0415 (half a second that only drawing should cost)

    ends: dict[str, list[float]] = {}
    for one in curves:
        ends.setdefault(one.model, []).append(float(one.values[-1]))
    order = sorted(ends, key=lambda model: float(np.mean(ends[model])))
    return {model: colormaps["viridis"](0.9 * place / max(len(order) - 1, 1)) for place, model in enumerate(order)}


def _by_dataset(curves: Sequence[SizeCurve]) -> dict[tuple[str, str], list[SizeCurve]]:
    groups: dict[tuple[str, str], list[SizeCurve]] = {}
    for one in curves:
        groups.setdefault((one.dataset, one.metric), []).append(one)
    return groups
