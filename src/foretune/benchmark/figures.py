"""From searches to figures: one row for each, then means over tasks for every method and budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.benchmark.compare import Contest, Replayed
from foretune.benchmark.methods import Chosen
from foretune.benchmark.regret import (
    Interval,
    Scale,
    Steps,
    area,
    best_steps,
    bootstrap,
    interval,
    mean_ranks,
    regret,
    regrets_at,
    scale_of,
    seconds_to,
)
from foretune.metadata import MetaDataset

LEAST_RUNS = 0.25
"""Where the regret curves begin, in mean full runs."""
_GRID = 400


@dataclass(frozen=True)
class RegretCurve:
    """Regret (1 = median) of a method over the budget of its longest searches.

    Attributes:
        runs: (G,) budget spent, in mean full runs of each task.
        mean: (G,) over tasks.
        low: (G,) lower end of the 95 % interval.
        high: (G,) its upper end.
        tasks: (G,) of each task, mean over seeds.
    """

    runs: Float[np.ndarray, " G"]
    mean: Float[np.ndarray, " G"]
    low: Float[np.ndarray, " G"]
    high: Float[np.ndarray, " G"]
    tasks: Mapping[str, Float[np.ndarray, " G"]] = field(default_factory=dict)


def scales_of(contest: Contest, noise: Mapping[str, float | None]) -> dict[str, Scale]:
    """The scale of every task."""
    return {
        task: scale_of(recorded, contest.settings[task].default, noise[task])
        for task, recorded in contest.recorded.items()
    }


def results_frame(
    replays: Sequence[Replayed], contest: Contest, scales: Mapping[str, Scale], target: MetaDataset
) -> pd.DataFrame:
    """One row a search; `validation` and `test` are in the metric's unit, see `docs/replay.md` for the others."""
    rows = [_row(one, contest, scales[one.task], target) for one in replays]
    return pd.DataFrame(rows)


def _row(one: Replayed, contest: Contest, scale: Scale, target: MetaDataset) -> dict[str, Any]:
    recorded = contest.recorded[one.task]
    _, score, test = one.steps[-1]
    metric, unit = recorded.task.metric, recorded.mean_run_seconds
    reached = seconds_to(one.steps, scale.default_final)
    counted = math.nan if scale.default_final is None else np.fmin(reached, one.budget_seconds)
    return {
        "task": one.task,
        "family": target.families[one.task],
        "model": target.models[one.task],
        "method": one.method,
        "seed": one.seed,
        "budget": one.budget,
        "budget_seconds": one.budget_seconds,
        "overhead_seconds": one.overhead_seconds,
        "slices": one.slices,
        "metric": metric.name,
        "validation": metric.score(score) if math.isfinite(score) else math.nan,
        "test": metric.score(test),
        "regret_median": regret(score, scale),
        "regret_default": regret(score, scale, "default"),
        "area": area(one.steps, scale, one.budget_seconds),
        "seconds_to_default": reached,
        "runs_to_default": float(counted) / unit,
    }


def means(frame: pd.DataFrame, column: str) -> dict[tuple[str, str], Interval]:
    """(method, budget) -> mean over tasks of the mean over seeds."""
    return {key: interval(np.array(list(values.values()))) for key, values in task_means(frame, column).items()}


def ranks(frame: pd.DataFrame, methods: Sequence[str]) -> dict[tuple[str, str], float]:
    """(method, budget) -> mean rank over tasks of these methods by their regret, seeds averaged first."""
    regrets = task_means(frame, "regret_median")
    found: dict[tuple[str, str], float] = {}
    for budget in dict.fromkeys(str(budget) for budget in frame["budget"]):
        values = np.column_stack([list(regrets[method, budget].values()) for method in methods])
        found |= {(name, budget): float(rank) for name, rank in zip(methods, mean_ranks(values), strict=True)}
    return found


def task_means(frame: pd.DataFrame, column: str) -> dict[tuple[str, str], dict[str, float]]:
    """(method, budget) -> task -> mean over seeds; tasks in the same order everywhere."""
    seeds: dict[tuple[str, str], dict[str, list[float]]] = {}
    names = (frame[name].tolist() for name in ("method", "budget", "task", column))
    for method, budget, task, value in zip(*names, strict=True):
        seeds.setdefault((method, budget), {}).setdefault(task, []).append(float(value))
    return {key: {task: float(np.mean(values)) for task, values in one.items()} for key, one in seeds.items()}


def regret_curves(replays: Sequence[Replayed], contest: Contest, scales: Mapping[str, Scale]) -> dict[str, RegretCurve]:
    """Method -> its curve, from the searches with the largest budget of each task.

    A method that sees the answers plans with its budget, so that its curve would belong to that budget alone; drawn is
    what it reaches with every budget.
    """
    largest = {task: _largest(replays, task) for task in contest.recorded}
    end = max(seconds / contest.recorded[task].mean_run_seconds for task, seconds in largest.items())
    runs = np.geomspace(min(LEAST_RUNS, end / 2), end, _GRID)
    bounds = {chosen.name: _bounds(chosen, contest) for chosen in contest.methods if chosen.method.sees_answers}
    values: dict[str, dict[str, list[np.ndarray]]] = {}
    for one in replays:
        if one.budget_seconds == largest[one.task]:
            seconds = runs * contest.recorded[one.task].mean_run_seconds
            steps = bounds[one.method][one.task] if one.method in bounds else one.steps
            by_task = values.setdefault(one.method, {}).setdefault(one.task, [])
            by_task.append(regrets_at(steps, scales[one.task], seconds))
    return {method: _curve(runs, by_task) for method, by_task in values.items()}


def _bounds(chosen: Chosen, contest: Contest) -> dict[str, Steps]:
    """Of every task, for a method that sees the answers."""
    begins = bool(chosen.options.get("after_default"))
    firsts = {task: setting.first if begins else None for task, setting in contest.settings.items()}
    return {task: best_steps(recorded, firsts[task]) for task, recorded in contest.recorded.items()}


def _largest(replays: Sequence[Replayed], task: str) -> float:
    return max(one.budget_seconds for one in replays if one.task == task)


def _curve(runs: Float[np.ndarray, " G"], by_task: Mapping[str, Sequence[np.ndarray]]) -> RegretCurve:
    tasks = {task: np.mean(seeds, axis=0) for task, seeds in by_task.items()}
    table = np.array(list(tasks.values()))
    low, high = bootstrap(table)
    return RegretCurve(runs, table.mean(axis=0), low, high, tasks)
