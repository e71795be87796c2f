"""The contents of a meta-dataset in numbers: counts, cost, how runs end, and how much configurations rank alike.

Rank correlations are Spearman's, over the configurations that two tasks share, by the best loss of each run. The top
half are those that rank better on average over all tasks that ran them: if tasks agree only on bad configurations, the
correlation is high over all configurations and low over these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.metadata.common import best_losses, overfits, relative_to_width
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.frames import frame_to_rows
from foretune.metadata.ranking import ranking_tasks
from foretune.metadata.ranks import rank_rows, spearman
from foretune.metadata.schema import CONFIGURATION_PREFIX
from foretune.types import Configuration, Status

MOST_MODELS = 12
"""Base models up to which counts and costs are told by base model."""
LEAST_SHARED = 5
"""Configurations that two tasks must share for a rank correlation to say anything."""
SECONDS = "seconds"
_FAILED = (Status.OUT_OF_MEMORY, Status.TIMED_OUT, Status.FAILED)


@dataclass(frozen=True)
class Group:
    """The tasks of one family on one base model.

    Attributes:
        model: base model.
        family: kind of dataset.
        cost_unit: unit of the cost.
        tasks: how many.
        runs: how many.
        cost: of all runs, training and evaluation.
    """

    model: str
    family: str
    cost_unit: str
    tasks: int
    runs: int
    cost: float


@dataclass(frozen=True)
class MethodSummary:
    """The runs of one finetuning method on one base model.

    Attributes:
        model: base model.
        method: of finetuning; empty where configurations do not say.
        cost_unit: unit of the cost.
        runs: how many.
        diverged: share.
        failed: share that ended badly in another way.
        overfitted: share of the complete runs that end more than 2 % worse than their best slice; None without any.
        costs: of each run.
        microseconds_per_token: training time of each run over its tokens, where both are known.
    """

    model: str
    method: str
    cost_unit: str
    runs: int
    diverged: float
    failed: float
    overfitted: float | None
    costs: Float[np.ndarray, " R"]
    microseconds_per_token: Float[np.ndarray, " K"]


@dataclass(frozen=True)
class Pair:
    """Two tasks that share configurations.

    Attributes:
        first: a task.
        second: another one.
        shared: how many configurations.
        correlation: of their losses' ranks.
        top_correlation: the same over the better half of them; None if that is fewer than `LEAST_SHARED`.
    """

    first: str
    second: str
    shared: int
    correlation: float
    top_correlation: float | None


@dataclass(frozen=True)
class Agreement:
    """Mean rank correlation over pairs of tasks of one kind.

    Attributes:
        what: the tasks of a pair have in common.
        pairs: how many.
        correlation: mean over them.
        top_correlation: mean over those that have one; None without any.
    """

    what: str
    pairs: int
    correlation: float
    top_correlation: float | None


@dataclass(frozen=True)
class Spread:
    """Losses that runs reach on a task.

    Attributes:
        task: name.
        family: kind of dataset.
        values: best validation value of each run that has a slice, in the metric's unit.
        zero_shot: of the base model; None if unknown.
        best: of the values.
        default: of the default configuration; None if unknown.
        maximize: whether larger values are better.
    """

    task: str
    family: str
    values: Float[np.ndarray, " R"]
    zero_shot: float | None
    best: float
    default: float | None
    maximize: bool

    @cached_property
    def unit(self) -> float:
        """Value that others are compared with: zero-shot where known, else the median."""
        return self.zero_shot or abs(float(np.median(self.values))) or 1.0


def group_rows(meta: MetaDataset) -> list[Group]:
    """Counts and cost by base model and family, in alphabetical order; by family alone where models are many."""
    costs = run_costs(meta)
    found: list[Group] = []
    for (family, unit), tasks in _parts(meta, meta.tasks, "family"):
        runs = [run for task in tasks["task"] for run in meta.runs_of(str(task))]
        cost = sum(costs[run] for run in runs)
        found.append(Group(_model_of(meta, tasks), family, unit, len(tasks), len(runs), cost))
    return found


def _parts(meta: MetaDataset, frame: pd.DataFrame, name: str) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """A column's value with a unit of costs -> their rows: of one base model, or of all where these are many."""
    models = [] if _has_many_models(meta) else ["model"]
    for key, part in frame.groupby([*models, name, "cost_unit"], sort=True):
        value, unit = (str(one) for one in _tuple(key)[-2:])
        yield (value, unit), part


def _model_of(meta: MetaDataset, rows: pd.DataFrame) -> str:
    """The base model of some rows; where models are many, how many these rows are of."""
    names = sorted({str(name) for name in rows["model"]})
    if not _has_many_models(meta):
        return names[0]
    return f"{len(names)} models" if len(names) > 1 else "1 model"


def _has_many_models(meta: MetaDataset) -> bool:
    return len(set(meta.models.values())) > MOST_MODELS


def total_costs(meta: MetaDataset) -> dict[str, float]:
    """Unit of cost -> sum over all runs."""
    found = dict.fromkeys(sorted(set(meta.tasks["cost_unit"]), key=lambda unit: (unit != SECONDS, unit)), 0.0)
    for group in group_rows(meta):
        found[group.cost_unit] += group.cost
    return found


def run_costs(meta: MetaDataset) -> dict[str, float]:
    """Run -> cost of training and evaluation together, in its task's unit."""
    return {run: float(meta.curve(run).seconds.sum()) for run in meta.runs["run"]}


def overfitted_share(meta: MetaDataset) -> float | None:
    """Share of complete runs whose last slice is more than 2 % worse than their best; None without complete runs."""
    return _overfitted(meta, meta.runs)


def method_rows(meta: MetaDataset) -> list[MethodSummary]:
    """How runs end and what they cost, by base model and method, in alphabetical order; by method alone where models
    are many."""
    runs = meta.runs.merge(meta.tasks[["task", "model", "cost_unit"]], on="task")
    name = CONFIGURATION_PREFIX + "method"
    runs["method"] = runs[name].fillna("") if name in runs else ""
    costs, speeds = run_costs(meta), microseconds_per_token(meta)
    found: list[MethodSummary] = []
    for (method, unit), part in _parts(meta, runs, "method"):
        diverged, failed = _share(part, Status.DIVERGED), _share(part, *_FAILED)
        spent = np.array([costs[run] for run in part["run"] if costs[run] > 0])
        speed = np.array([speeds[run] for run in part["run"] if run in speeds and unit == SECONDS])
        overfitted = _overfitted(meta, part)
        model = _model_of(meta, part)
        found.append(MethodSummary(model, method, unit, len(part), diverged, failed, overfitted, spent, speed))
    return found


def _share(runs: pd.DataFrame, *statuses: Status) -> float:
    return float(np.mean(runs["status"].isin([str(status) for status in statuses])))


def microseconds_per_token(meta: MetaDataset) -> dict[str, float]:
    """Run -> training time over tokens trained on, for runs that know both."""
    last = meta.curves.drop_duplicates("run", keep="last")
    sums: Any = meta.curves.groupby("run")["train_seconds"].sum()
    seconds: Mapping[str, float] = sums.to_dict()
    tokens = last["tokens"].to_numpy(dtype=np.float64, na_value=np.nan)
    pairs = zip(last["run"], tokens, strict=True)
    return {run: 1e6 * seconds[run] / count for run, count in pairs if count > 0 and seconds[run] > 0}


def pair_rows(meta: MetaDataset) -> list[Pair]:
    """Every two tasks that share `LEAST_SHARED` configurations or more, matched relative to the models' widths.

    Tasks that rank no configurations (`foretune.metadata.ranking`) are left out.
    """
    ranking, every = ranking_tasks(meta), best_losses(meta)
    losses = {task: every[task] for task in ranking}
    quality = _mean_ranks(losses)
    found: list[Pair] = []
    for first, second in combinations(ranking, 2):
        shared = [one for one in losses[first] if one in losses[second]]
        if len(shared) >= LEAST_SHARED:
            top = sorted(shared, key=lambda one: quality[one])[: len(shared) // 2]
            among = [_correlation(losses[first], losses[second], those) for those in (shared, top)]
            found.append(Pair(first, second, len(shared), among[0], among[1] if len(top) >= LEAST_SHARED else None))
    return found


def agreement_rows(meta: MetaDataset, pairs: Sequence[Pair] | None = None) -> list[Agreement]:
    """Mean rank correlations between tasks, between training-set sizes, and between base models.

    Args:
        meta: the tables.
        pairs: result of `pair_rows`, if known.
    """
    facts = dict(zip(meta.task_ids, frame_to_rows(meta.tasks), strict=True))
    kinds: dict[str, Callable[[Mapping[Any, Any], Mapping[Any, Any]], bool]] = {
        "two tasks": lambda _a, _b: True,
        "two sizes of a dataset, one model": lambda a, b: _same(a, b, "dataset", "model", "metric"),
        "two models, one dataset and size": lambda a, b: _same(a, b, "dataset", "n_train", "metric"),
    }
    known = pair_rows(meta) if pairs is None else pairs
    found: list[Agreement] = []
    for what, fits in kinds.items():
        chosen = [pair for pair in known if fits(facts[pair.first], facts[pair.second])]
        top = [pair.top_correlation for pair in chosen if pair.top_correlation is not None]
        if chosen:
            mean = float(np.mean([pair.correlation for pair in chosen]))
            found.append(Agreement(what, len(chosen), mean, float(np.mean(top)) if top else None))
    return found


def spread_rows(meta: MetaDataset) -> list[Spread]:
    """Losses that runs reach on each task, by family, then by name."""
    losses = best_losses(meta)
    zero_shot = meta.facts("zero_shot_validation_value")
    found: list[Spread] = []
    for task in sorted(meta.task_ids, key=lambda task: (meta.families[task], task)):
        score = meta.metrics[task].score
        curves = [meta.curve(run).scores for run in meta.runs_of(task)]
        values = np.array([score(float(scores.max())) for scores in curves if len(scores)])
        if len(values):
            best = float(score(max(score(value) for value in values)))
            before = zero_shot[task]
            known = None if pd.isna(before) else float(before)
            default, maximize = _default(meta, task, losses[task]), meta.metrics[task].maximize
            found.append(Spread(task, meta.families[task], values, known, best, default, maximize))
    return found


def _default(meta: MetaDataset, task: str, losses: Mapping[Configuration, float]) -> float | None:
    default = meta.default(task)
    loss = None if default is None else losses.get(relative_to_width(default, meta.widths[task]))
    return None if loss is None or not np.isfinite(loss) else meta.metrics[task].score(-loss)


def _overfitted(meta: MetaDataset, runs: pd.DataFrame) -> float | None:
    complete = [meta.curve(run).scores for run in runs.loc[runs["status"] == str(Status.OK), "run"]]
    return float(np.mean([overfits(scores) for scores in complete])) if complete else None


def _mean_ranks(losses: Mapping[str, Mapping[Configuration, float]]) -> dict[Configuration, float]:
    """Configuration -> mean over tasks of its rank as a share of the task's configurations; less is better."""
    shares: dict[Configuration, list[float]] = {}
    for known in losses.values():
        ranks = rank_rows(np.array([list(known.values())]))[0] / len(known)
        for configuration, share in zip(known, ranks, strict=True):
            shares.setdefault(configuration, []).append(float(share))
    return {configuration: float(np.mean(values)) for configuration, values in shares.items()}


def _correlation(
    first: Mapping[Configuration, float], second: Mapping[Configuration, float], among: Sequence[Configuration]
) -> float:
    return spearman(np.array([first[one] for one in among]), np.array([second[one] for one in among]))


def _same(first: Mapping[Any, Any], second: Mapping[Any, Any], *names: str) -> bool:
    """Whether two tasks agree in these columns; a missing value agrees with nothing."""
    return all(name in first and first[name] == second.get(name) for name in names)


def _tuple(key: Any) -> tuple[Any, ...]:
    return tuple(key)
