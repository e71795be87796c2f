"""The figures of `foretune metadata describe`: losses on each task, similarity of tasks, cost, curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from foretune.metadata import MetaDataset
from foretune.metadata.ranking import ranking_tasks
from foretune.metadata.sizes import size_curves
from foretune.metadata.summary import SECONDS, MethodSummary, Pair, Spread, method_rows, pair_rows, spread_rows
from foretune.report.meta_dataset_curves import draw_examples
from foretune.report.meta_dataset_sizes import draw_sizes
from foretune.report.plot_style import BEST, DEFAULT, FAINT, GRID, INK, dress, new_figure, scale_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 40
"""Tasks from which on their names are written smaller."""
_WORST_SHOWN = 1.6
"""Values far beyond the base model's are drawn at the edge."""


def save_plots(meta: MetaDataset, folder: Path, pairs: Sequence[Pair] | None = None) -> list[Path]:
    """Draw all figures that the table has something for; needs no display.

    Args:
        meta: the tables.
        folder: made if absent.
        pairs: result of `pair_rows`, if known.

    Returns:
        The files.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (half a second that only drawing costs)

    folder.mkdir(parents=True, exist_ok=True)
    known, ranking = pair_rows(meta) if pairs is None else pairs, set(ranking_tasks(meta))
    drawings: dict[str, Callable[[], Figure | None]] = {
        "spread": lambda: draw_spread([one for one in spread_rows(meta) if one.task in ranking]),
        "sizes": lambda: draw_sizes(size_curves(meta)),
        "rank_correlations": lambda: draw_correlations(meta, known),
        "cost": lambda: draw_costs(method_rows(meta)),
        "curves": lambda: draw_examples(meta),
    }
    files: list[Path] = []
    for name, draw in drawings.items():
        figure = draw()
        if figure is not None:
            files.append(folder / f"{name}.png")
            FigureCanvasAgg(figure).print_png(files[-1])  # pyright: ignore[reportArgumentType]
    return files


def draw_spread(spreads: Sequence[Spread]) -> Figure | None:
    """Best value of every run, relative to the base model's: one line a task, grouped by family."""
    if not spreads:
        return None
    figure = new_figure(8.6, 1.4 + 0.21 * len(spreads))
    axes = figure.subplots()
    dress(axes, "x")
    shades = _shades([one.family for one in spreads])
    for row, one in enumerate(spreads):
        if shades[row]:
            axes.axhspan(row - 0.5, row + 0.5, color="#f5f7fa", zorder=0)
        _draw_strip(axes, row, one, labeled=row == 0)
    if any(one.default is not None for one in spreads):
        axes.plot([], [], "D", color=DEFAULT, markersize=4.2, label="default")
    axes.axvline(1.0, color=FAINT, linestyle=(0, (4, 3)), linewidth=1.1, zorder=1)
    axes.set_yticks(range(len(spreads)), short_names([one.task for one in spreads]), fontsize=7)
    axes.set_ylim(len(spreads) - 0.5, -0.5)
    _name_groups(axes, [one.family for one in spreads])
    shown = np.concatenate([_shown(one, one.values) for one in spreads])
    scale_axis(axes, float(shown.min()), max(float(shown.max()), 1.0))
    label = "best validation value of a run / value of the base model (median of the runs where that is unknown)"
    axes.set_xlabel(label, fontsize=8.5, color=INK)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False, fontsize=8)
    return figure


def _draw_strip(axes: Axes, row: int, one: Spread, *, labeled: bool) -> None:
    values = _shown(one, one.values)
    heights = row + np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.array([float(row)])
    label = (lambda text: text) if labeled else (lambda _: None)
    axes.plot(values, heights, "o", color=FAINT, markersize=2.4, alpha=0.55, markeredgewidth=0, label=label("a run"))
    middle = _shown(one, np.array([np.median(one.values)] * 2))
    axes.plot(middle, [row - 0.36, row + 0.36], color=INK, linewidth=1.6, label=label("median"))
    if one.default is not None:
        default = _shown(one, np.array([one.default]))
        axes.plot(default, [row], "D", color=DEFAULT, markersize=4.2, zorder=4)
    axes.plot(one.best / one.unit, row, "*", color=BEST, markersize=8, zorder=5, markeredgewidth=0, label=label("best"))


def _shown(one: Spread, values: np.ndarray) -> np.ndarray:
    """Values relative to the base model's; much worse values are at the edge."""
    relative = values / one.unit
    return relative if one.maximize else np.minimum(relative, _WORST_SHOWN)


def draw_correlations(meta: MetaDataset, pairs: Sequence[Pair]) -> Figure | None:
    """Rank correlation of common configurations for every two tasks, grouped by base model, or by family if there is
    one."""
    among = {pair.first for pair in pairs} | {pair.second for pair in pairs}
    several = len({meta.models[task] for task in among}) > 1
    tasks = sorted(among, key=lambda task: (several and meta.models[task], meta.families[task], task))
    if not tasks:
        return None
    places = {task: place for place, task in enumerate(tasks)}
    matrix = np.full((len(tasks), len(tasks)), np.nan)
    np.fill_diagonal(matrix, 1.0)
    for pair in pairs:
        first, second = places[pair.first], places[pair.second]
        matrix[first, second] = matrix[second, first] = pair.correlation
    names = short_names(tasks)
    labels = 0.055 * max(len(name) for name in names)
    side = max(2.4, (0.19 if len(tasks) <= _MANY else 0.13) * len(tasks))
    figure = new_figure(side + labels + 2.6, side + labels + 0.3)
    axes = figure.subplots()
    axes.set_facecolor(GRID)
    image = axes.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1)
    font = 7 if len(tasks) <= _MANY else 5
    axes.set_yticks(range(len(tasks)), names, fontsize=font)
    axes.set_xticks(range(len(tasks)), names, fontsize=font, rotation=90)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    groups = [(meta.models if several else meta.families)[task] for task in tasks]
    for edge in [place for place in range(1, len(tasks)) if groups[place] != groups[place - 1]]:
        axes.axhline(edge - 0.5, color="white", linewidth=2)
        axes.axvline(edge - 0.5, color="white", linewidth=2)
    _name_groups(axes, groups, size=font)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("rank correlation of common configurations", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, colors=INK)
    return figure


def draw_costs(methods: Sequence[MethodSummary]) -> Figure | None:
    """Cost of a run, and training time of a token, by base model and method; without costs that nobody measured."""
    shown = [one for one in methods if _is_priced(one)]
    if not shown:
        return None
    if len(shown) > _MANY:
        most = sorted((len(one.costs) for one in shown), reverse=True)[_MANY - 1]
        shown = [one for one in shown if len(one.costs) >= most][:_MANY]
    units = sorted({one.cost_unit for one in shown}, key=lambda unit: (unit != SECONDS, unit))
    panels = [(unit, f"{unit} a run", [one for one in shown if one.cost_unit == unit]) for unit in units]
    timed = [one for one in shown if len(one.microseconds_per_token)]
    most = max(len(rows) for _, _, rows in panels)
    labels = 0.07 * max(len(name) for name in _method_names(shown))
    figure = new_figure((3.6 + labels) * (len(panels) + bool(timed)), 1.2 + 0.27 * most)
    axes = figure.subplots(1, len(panels) + bool(timed), squeeze=False)[0]
    for panel, (_, label, rows) in zip(axes, panels, strict=False):
        _draw_boxes(panel, rows, [one.costs for one in rows], label, most)
    if timed:
        speeds = [one.microseconds_per_token for one in timed]
        _draw_boxes(axes[-1], timed, speeds, "microseconds of training a token", most)
    return figure


def _is_priced(one: MethodSummary) -> bool:
    """Whether runs have costs: where they are no seconds and all the same, they only count runs."""
    return len(one.costs) > 0 and (one.cost_unit == SECONDS or len(one.costs) == 1 or float(np.ptp(one.costs)) > 0)


def _draw_boxes(axes: Axes, rows: Sequence[MethodSummary], values: Sequence[np.ndarray], label: str, most: int) -> None:
    """One box a row; `most` rows fill the panel."""
    dress(axes, "x")
    several = len({one.model for one in rows}) > 1
    shades = _shades([one.model for one in rows])
    for row in [row for row, shaded in enumerate(shades) if shaded and several]:
        axes.axhspan(row - 0.5, row + 0.5, color="#f5f7fa", zorder=0)
    line = {"color": INK, "linewidth": 1.0}
    axes.boxplot(
        values,
        positions=range(len(rows)),
        orientation="horizontal",
        widths=0.55,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": "#d0ebf0", "edgecolor": INK, "linewidth": 1.0},
        medianprops={"color": BEST, "linewidth": 2.2},
        whiskerprops=line,
        capprops=line,
    )
    axes.set_yticks(range(len(rows)), _method_names(rows), fontsize=8)
    axes.set_ylim(most - 0.5, -0.5)
    ends = np.array([np.quantile(one, (0.05, 0.95)) for one in values])
    scale_axis(axes, float(ends[:, 0].min()), float(ends[:, 1].max()))
    axes.set_xlabel(f"{label}\n(box: quartiles, whiskers: 5 % and 95 %)", fontsize=8.5, color=INK)


def _method_names(rows: Sequence[MethodSummary]) -> list[str]:
    """The method, and the base model where there are several."""
    several = len({one.model for one in rows}) > 1
    return [f"{one.method or 'run'}  {one.model}" if several else one.method or one.model for one in rows]


def short_names(tasks: Sequence[str]) -> list[str]:
    """Names without the base model after the colon, which all of them share."""
    ends = {task.rpartition(":")[2] for task in tasks}
    return [task.rpartition(":")[0] or task for task in tasks] if len(ends) == 1 else list(tasks)


def _shades(groups: Sequence[str]) -> list[bool]:
    """True for every second run of equal neighbors."""
    shades: list[bool] = []
    for number, (_, members) in enumerate(groupby(groups)):
        shades += [number % 2 == 1] * len(list(members))
    return shades


def _name_groups(axes: Axes, groups: Sequence[str], *, size: float = 7) -> None:
    """The name of each group at the right of its rows."""
    start = 0
    for group, members in groupby(groups):
        count = len(list(members))
        middle = start + (count - 1) / 2
        where = axes.get_yaxis_transform()
        axes.text(1.01, middle, group, transform=where, va="center", fontsize=size, color=INK, clip_on=False)
        start += count
