"""The tables of `foretune metadata describe`, for a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from foretune.metadata import MetaDataset
from foretune.metadata.chance import tasks_at_chance
from foretune.metadata.summary import SECONDS, Agreement, Group, MethodSummary
from foretune.types import VALIDATION_NLL

_LEAST_TASKS = 3
CHANCE = " ="
"""Behind the name of a task that cannot be learned."""
_DATASET, _MODEL = 14, 22
"""Most letters of a name where 80 columns must do for dataset, model and numbers."""
_SHORT_NAME = 9
_LONGEST_NAME = 26
"""Names of tasks up to this length are never cut: 80 columns have room for them."""


def task_tables(meta: MetaDataset, left_out: Collection[str] = ()) -> list[Table]:
    """One row a task: rows, runs, zero-shot, best and median value, and mean cost of a run.

    One table a base model, so that names need not repeat it; a single one, with a column for it, where most models have
    a task or two.

    Args:
        meta: the tables.
        left_out: tasks that are told elsewhere.
    """
    tasks = [task for task in meta.task_ids if task not in left_out]
    models = dict.fromkeys(meta.models[task] for task in tasks)
    if len(models) > 1 and len(tasks) < _LEAST_TASKS * len(models):
        return [_task_table(meta, "", tasks)]
    return [_task_table(meta, model, [task for task in tasks if meta.models[task] == model]) for model in models]


def _task_table(meta: MetaDataset, model: str, tasks: Sequence[str]) -> Table:
    ours = all(meta.metrics[task].name == VALIDATION_NLL.name for task in tasks)
    units, rows = meta.facts("cost_unit"), meta.facts("n_train")
    caption = "losses in nats per completion token" if ours else "values of each task's metric"
    table = _table(f"Tasks on {model}" if model else "Tasks", caption)
    labels = _labels(meta, model, tasks)
    if any(first.endswith(CHANCE) for first, _ in labels):
        table.caption = f"{caption}; {CHANCE.strip()}: no run beats the most common answer"
    if model:
        longest = max(len(first) for first, _ in labels)
        table.add_column("task", overflow="ellipsis", no_wrap=longest <= _LONGEST_NAME)
        table.add_column("family", overflow="ellipsis")
    else:
        table.add_column("dataset", overflow="ellipsis", no_wrap=True, max_width=_DATASET)
        table.add_column("model", overflow="ellipsis", no_wrap=True, max_width=_MODEL)
    cost = "s/run" if all(units[task] == SECONDS for task in tasks) else "cost/run"
    cells = [_task_values(meta, task) for task in tasks]
    first = 0 if model or any(zero_shot for zero_shot, *_ in cells) else 1  # 80 columns have no room for nothing
    for name in ("rows", "runs", *("zero-shot", "best", "median", cost)[first:]):
        table.add_column(name, justify="right", no_wrap=True)
    for label, task, values in zip(labels, tasks, cells, strict=True):
        table.add_row(*label, _number(rows[task], "d"), str(len(meta.runs_of(task))), *values[first:])
    return table


def _labels(meta: MetaDataset, model: str, tasks: Sequence[str]) -> list[tuple[str, str]]:
    """The task's name and family where all are on one model, else its dataset and model."""
    datasets, chance = meta.facts("dataset"), tasks_at_chance(meta)
    end = f":{model.rpartition('/')[2]}"
    pairs = [
        (task.removesuffix(end), meta.families[task])
        if model
        else (datasets[task], meta.models[task].rpartition("/")[2])
        for task in tasks
    ]
    return [
        (f"{first}{CHANCE if task in chance else ''}", second)
        for task, (first, second) in zip(tasks, pairs, strict=True)
    ]


def _task_values(meta: MetaDataset, task: str) -> list[str]:
    curves = [curve for run in meta.runs_of(task) if len(curve := meta.curve(run))]
    scores = sorted((float(curve.scores.max()) for curve in curves), reverse=True)
    reached = [meta.metrics[task].score(scores[at]) for at in (0, len(scores) // 2)] if scores else [None, None]
    cost = sum(float(curve.seconds.sum()) for curve in curves) / max(len(curves), 1)
    zero_shot = meta.facts("zero_shot_validation_value")[task]
    return [*(_number(value, ".3f") for value in (zero_shot, *reached)), _number(cost, ".1f")]


def group_table(groups: Sequence[Group]) -> Table:
    """Counts and cost by base model and family."""
    table = _table("Models and families", "hours of each run's hardware: core-hours on a single core")
    table.add_column("model", overflow="ellipsis")
    table.add_column("family", overflow="ellipsis")
    for name in ("tasks", "runs", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups:
        counts = (str(group.tasks), f"{group.runs:,}")
        table.add_row(group.model, group.family, *counts, cost_text(group.cost, group.cost_unit))
    return table


def method_table(methods: Sequence[MethodSummary]) -> Table:
    """How runs of each method end, and what they cost."""
    seconds = all(method.cost_unit == SECONDS for method in methods)
    table = _table("Methods", "overfit: complete runs that end more than 2 % worse than their best slice")
    table.add_column("model", overflow="ellipsis", no_wrap=max(len(one.model) for one in methods) <= _SHORT_NAME)
    table.add_column("method", overflow="ellipsis")
    timed = ["µs/token"] if any(len(one.microseconds_per_token) for one in methods) else []
    for name in ("runs", "diverged", "failed", "overfit", "s/run" if seconds else "cost/run", *timed):
        table.add_column(name, justify="right", no_wrap=True)
    for one in methods:
        shares = [_number(share, ".0%") for share in (one.diverged, one.failed, one.overfitted)]
        unit = "" if seconds or one.cost_unit == SECONDS else f" {one.cost_unit}"
        cost = _number(_mean(one.costs), ",.1f") + unit
        speed = [_number(_mean(one.microseconds_per_token), ",.1f")] if timed else []
        table.add_row(one.model, one.method, str(one.runs), *shares, cost, *speed)
    return table


def agreement_table(agreements: Sequence[Agreement]) -> Table:
    """How much configurations rank alike on pairs of tasks."""
    table = _table(
        "Rank correlation of common configurations", "top half: the configurations that are better on average"
    )
    table.add_column("between", no_wrap=True)
    for name in ("pairs", "all", "top half"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in agreements:
        numbers = [_number(value, ".2f") for value in (one.correlation, one.top_correlation)]
        table.add_row(one.what, f"{one.pairs:,}", *numbers)
    return table


def cost_text(cost: float, unit: str) -> str:
    """`1.25 hours`, or the cost in the only unit there is."""
    return f"{cost / 3600:,.2f} hours" if unit == SECONDS else f"{cost:,.0f} {unit}"


def _table(title: str, caption: str) -> Table:
    return Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _number(value: float | None, form: str) -> str:
    """The number, or nothing where it is missing (None, NaN or pandas' own)."""
    missing = value is None or value is pd.NA or math.isnan(value)
    return "" if missing else format(value, form)
