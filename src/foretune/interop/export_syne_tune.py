"""A tabular blackbox for Syne Tune: the same configurations on every task, in the layout that its repository reads.

    hyperparameters.parquet      one row a configuration
    objectives_evaluations.npy   (tasks, configurations, seeds, fidelities, objectives), float32; NaN after a run's end
    fidelities_values.npy        1 to T
    configspace.json             the domain of every hyperparameter
    fidelityspace.json           the domain of the fidelity
    metadata.json                names of tasks and objectives

Syne Tune has no conditional hyperparameters: where a configuration lacks one, it gets the least value of its column, or
the text "none"; `filled` in `metadata.json` says which. If the tasks have base models of several widths, learning rates
are multiples of the reference for the width (`foretune.space.learning_rate`), else no configuration would be common to
all. Test values are left out: nothing may be chosen by them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.common import relative_to_width
from foretune.types import Configuration, Value

FIDELITY = "fidelity"
ELAPSED = "elapsed_time"
_NONE = "none"
_LOGARITHMIC_FROM = 10
"""A range whose ends are apart by this factor is searched on a logarithmic scale."""

Row = tuple[Value, ...]
Curves = Float[np.ndarray, "R T O"]


@dataclass(frozen=True)
class _Pool:
    """Configurations that all chosen tasks have, and their runs.

    Attributes:
        names: of the hyperparameters.
        rows: their values, one tuple a configuration.
        tasks: names.
        runs: task -> row -> runs, one a seed.
    """

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    tasks: tuple[str, ...]
    runs: Mapping[str, Mapping[Row, list[str]]]


def export_syne_tune(meta: MetaDataset, folder: Path) -> list[str]:
    """Write the six files.

    Returns:
        Omissions.

    Raises:
        MetaDatasetError: if the tasks are judged by different metrics, or have no two configurations in common.
    """
    metric = _only(meta, "metric")
    cost_unit, direction = _only(meta, "cost_unit"), _only(meta, "direction")
    table, filled = _filled(meta)
    pool = _pool(meta, table)
    constant = _constants(pool)
    objectives = {name: _column(meta, name) for name in ("validation_token_accuracy", "validation_exact_match")}
    objectives = {name: column for name, column in objectives.items() if not np.isnan(column).any()}
    values = _evaluations(meta, pool, {metric: _column(meta, "validation_value"), **objectives})
    np.save(folder / "objectives_evaluations.npy", values.astype(np.float32), allow_pickle=False)
    fidelities = np.arange(1, values.shape[3] + 1)
    np.save(folder / "fidelities_values.npy", fidelities, allow_pickle=False)
    varying = [at for at, name in enumerate(pool.names) if name not in constant]
    columns = {pool.names[at]: [row[at] for row in pool.rows] for at in varying}
    pq.write_table(pa.table(columns), folder / "hyperparameters.parquet", compression="gzip")
    _write(folder / "configspace.json", {name: _domain(column) for name, column in columns.items()})
    _write(folder / "fidelityspace.json", {FIDELITY: _range("Integer", 1, len(fidelities), logarithmic=False)})
    facts = {
        "objectives_names": [metric, *objectives, ELAPSED],
        "task_names": list(pool.tasks),
        "metric_default": metric,
        "metric_elapsed_time": ELAPSED,
        "time_attr": FIDELITY,
        "direction": direction,
        "cost_unit": cost_unit,
        "constant": constant,
        "filled": {name: value for name, value in filled.items() if name in columns},
    }
    _write(folder / "metadata.json", facts)
    return _remarks(meta, pool, values.shape[2])


def _only(meta: MetaDataset, column: str) -> str:
    found = sorted(set(meta.tasks[column]))
    if len(found) != 1:
        message = f"the tasks have the {column} {', '.join(found)}, one is needed for all; choose some with --task"
        raise MetaDatasetError(message)
    return str(found[0])


def _filled(meta: MetaDataset) -> tuple[dict[str, dict[str, Value]], dict[str, Value]]:
    """Run -> hyperparameters, each of them with all names; and what stands for those that a configuration lacks."""
    several = len(set(meta.widths.values())) > 1
    plain: dict[str, Configuration] = {}
    for run, task in zip(meta.runs["run"], meta.runs["task"], strict=True):
        configuration = meta.configurations[run]
        plain[run] = relative_to_width(configuration, meta.widths[task]) if several else configuration
    names = sorted({name for one in plain.values() for name in one.values})
    fills: dict[str, Value] = {}
    for name in names:
        given = [one.values[name] for one in plain.values() if name in one.values]
        if len(given) < len(plain):
            fills[name] = _NONE if isinstance(given[0], str) else min(given)  # pyright: ignore[reportArgumentType]
    return {
        run: {name: one.values.get(name, fills.get(name, _NONE)) for name in names} for run, one in plain.items()
    }, fills


def _pool(meta: MetaDataset, table: Mapping[str, Mapping[str, Value]]) -> _Pool:
    """Of the choices "configurations run on at least so many tasks, and the tasks that have them all", the largest."""
    runs: dict[str, dict[Row, list[str]]] = {}
    for run, task in zip(meta.runs["run"], meta.runs["task"], strict=True):
        runs.setdefault(task, {}).setdefault(tuple(table[run].values()), []).append(run)
    coverage = Counter(row for rows in runs.values() for row in rows)
    pools: list[tuple[tuple[str, ...], tuple[Row, ...]]] = []
    for least in sorted(set(coverage.values())):
        rows = tuple(row for row, count in coverage.items() if count >= least)
        pools.append((tuple(task for task in meta.task_ids if runs.get(task, {}).keys() >= set(rows)), rows))
    tasks, rows = max(pools, key=lambda pool: len(pool[0]) * len(pool[1]), default=((), ()))
    if not tasks or len(rows) < 2:
        raise MetaDatasetError("the tasks have no two configurations in common; choose some that have with --task")
    return _Pool(tuple(next(iter(table.values()))), rows, tasks, runs)


def _constants(pool: _Pool) -> dict[str, Value]:
    """Hyperparameters with only one value, which no search space can hold."""
    columns = zip(pool.names, zip(*pool.rows, strict=True), strict=True)
    return {name: values[0] for name, values in columns if len(set(values)) == 1}


def _column(meta: MetaDataset, name: str) -> np.ndarray:
    return meta.curves[name].to_numpy(dtype=np.float64, na_value=np.nan)


def _evaluations(meta: MetaDataset, pool: _Pool, columns: Mapping[str, np.ndarray]) -> Float[np.ndarray, "M C S T O"]:
    seeds = min(len(pool.runs[task][row]) for task in pool.tasks for row in pool.rows)
    chosen = set(pool.tasks)
    slices = max(slices for task, slices in meta.facts("max_fidelity").items() if task in chosen)
    places: Mapping[Any, np.ndarray] = meta.curves.groupby("run").indices
    values = np.full((len(pool.tasks), len(pool.rows), seeds, slices, len(columns) + 1), np.nan)
    for m, task in enumerate(pool.tasks):
        for c, row in enumerate(pool.rows):
            for s, run in enumerate(pool.runs[task][row][:seeds]):
                at = places.get(run, np.array([], dtype=np.intp))
                figures = [*(column[at] for column in columns.values()), np.cumsum(meta.curve(run).seconds)]
                values[m, c, s, : len(at)] = np.array(figures).T
    return values


def _domain(values: Sequence[Value]) -> dict[str, Any]:
    """A domain as Syne Tune's `config_space.from_dict` reads it."""
    distinct = sorted(set(values))  # pyright: ignore[reportArgumentType] - a column has values of one type
    least, most = distinct[0], distinct[-1]
    if isinstance(least, str | bool) or isinstance(most, str | bool):
        sampler = {"sampler_cls": "Uniform", "sampler_kwargs": {}}
        return {"domain_cls": "Categorical", "domain_kwargs": {"categories": distinct}, **sampler}
    logarithmic = least > 0 and most / least >= _LOGARITHMIC_FROM
    return _range("Integer" if isinstance(least, int) else "Float", least, most, logarithmic=logarithmic)


def _range(kind: str, lower: float, upper: float, *, logarithmic: bool) -> dict[str, Any]:
    sampler = ("LogUniform", {"base": math.e}) if logarithmic else ("Uniform", {})
    bounds = {"lower": lower, "upper": upper}
    return {"domain_cls": kind, "domain_kwargs": bounds, "sampler_cls": sampler[0], "sampler_kwargs": sampler[1]}


def _remarks(meta: MetaDataset, pool: _Pool, seeds: int) -> list[str]:
    used = {run for task in pool.tasks for row in pool.rows for run in pool.runs[task][row][:seeds]}
    shape = f"{len(pool.tasks)} tasks, {len(pool.rows)} configurations, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    remarks = [shape]
    if left_out := [task for task in meta.task_ids if task not in pool.tasks]:
        remarks.append(f"tasks left out, for they lack some of these configurations: {', '.join(left_out)}")
    if unused := len(meta.runs) - len(used):
        remarks.append(f"{unused} runs left out, of configurations or seeds that not all of the tasks have")
    return remarks


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
