"""What was measured, as tables."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from growing.made_up import Shape
from growing.measure import (
    CANDIDATES,
    SPREADS,
    Figures,
    Laboratory,
    fit_all,
    fit_performance,
    make_table,
    search_candidates,
    search_observations,
    search_with,
)


def cell(figures: Figures, name: str, factor: float = 1.0, digits: int = 1) -> str:
    return f"{factor * figures[name]:,.{digits}f}" if name in figures else "-"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [columns, ["---"] * len(columns), *rows]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines), flush=True)


def by_candidates(laboratory: Laboratory, arguments: argparse.Namespace) -> dict[int, Figures]:
    found = {one: laboratory(search_candidates, one, arguments.asks) for one in arguments.candidates}
    rows = [
        [f"{one:,}", cell(f, "slices", digits=0), cell(f, "later", 1e3), cell(f, "first"), cell(f, "peak", digits=2)]
        for one, f in found.items()
    ]
    print_table(["candidates", "slices seen at the end", "ask + tell, ms", "first two, s", "peak memory, GB"], rows)
    return found


def by_observations(laboratory: Laboratory, arguments: argparse.Namespace) -> dict[str, Figures]:
    numbers = arguments.observations
    found = {one: laboratory(search_observations, one, numbers, arguments.asks) for one in SPREADS}
    rows = [
        [spread, str(number), cell(f[str(number)], "configurations", digits=0), cell(f[str(number)], "later", 1e3)]
        for spread, f in found.items()
        if f
        for number in numbers
    ]
    print_table([f"observations, of {CANDIDATES:,} candidates", "slices", "configurations", "ask + tell, ms"], rows)
    return found


COLUMNS: Mapping[str, tuple[str, float, int]] = {
    "points": ("points", 1.0, 0),
    "tasks": ("tasks", 1.0, 0),
    "runs": ("runs", 1.0, 0),
    "distinct": ("configurations", 1.0, 0),
    "read": ("read, s", 1.0, 1),
    "performance": ("performance, s", 1.0, 2),
    "performance_peak": ("its peak, GB", 1.0, 2),
    "fit": ("`foretune fit`, s", 1.0, 1),
    "fit_peak": ("its peak, GB", 1.0, 2),
    "first": ("first two asks, s", 1.0, 1),
    "later": ("ask + tell, ms", 1e3, 1),
    "search_peak": ("its peak, GB", 1.0, 2),
}
"""Figure -> heading, factor, digits."""


def by_runs(laboratory: Laboratory, arguments: argparse.Namespace) -> Mapping[str, Figures]:
    """Made-up tables by name -> figures; recorded ones are printed only."""
    recorded = {str(one): of_table(laboratory, str(one), arguments.asks) for one in arguments.meta}
    made_up = dict[str, Figures]()
    for common in arguments.common:
        for tasks, configurations in arguments.shapes:
            shape = Shape(tasks, configurations, common)
            laboratory(make_table, tasks, configurations, common)
            made_up[str(shape)] = of_table(laboratory, str(shape), arguments.asks)
    columns = ["meta-dataset", *(heading for heading, _, _ in COLUMNS.values())]
    rows = [
        [Path(name).name, *(cell(figures, key, factor, digits) for key, (_, factor, digits) in COLUMNS.items())]
        for name, figures in {**recorded, **made_up}.items()
    ]
    print_table(columns, rows)
    return made_up


def of_table(laboratory: Laboratory, table: str, asks: int) -> dict[str, Any]:
    parts: dict[str, Figures] = {"performance": laboratory(fit_performance, table)}
    if parts["performance"]:
        parts["fit"] = laboratory(fit_all, table)
    if parts.get("fit"):
        parts["search"] = laboratory(search_with, table, asks)
    peaks = {f"{name}_peak": figures["peak"] for name, figures in parts.items() if figures}
    return {**{name: value for figures in parts.values() for name, value in figures.items()}, **peaks}
