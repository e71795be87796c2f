"""Meta-learning: from recorded runs on many tasks to surrogates for new ones.

1. Whole families (where there are at least four; else whole tasks) are held out in turn. On them the number of training
steps
   is chosen, the predicted standard deviations are calibrated, and the held-out scores in the card are measured.
2. The ensemble is trained on all tasks for that many steps.

What comes out depends on the meta-datasets and the seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Literal

import numpy as np

from foretune.errors import SurrogateError
from foretune.metadata import MetaDataset
from foretune.metadata.common import relative_to_width
from foretune.metadata.digest import data_sha256
from foretune.space import Encoder, SearchSpace
from foretune.surrogate.cost import EvenCost, fit_cost, tells_work
from foretune.surrogate.deep_kernel import Recipe
from foretune.surrogate.encoders import encoder_for, encoder_sha256
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.fit_in_context import InContextRecipe, fit_in_context
from foretune.surrogate.fit_performance import fit_members, runs_of_tasks, snapshots
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.judge import judge
from foretune.surrogate.memory import fit_memory
from foretune.surrogate.protocol import PerformanceSurrogate, Surrogates
from foretune.surrogate.resources import errors_by_model, errors_by_task, medians
from foretune.surrogate.store import DEEP_KERNEL, IN_CONTEXT
from foretune.surrogate.validation import HeldOut, folds, hold_out, inflation, summary
from foretune.types import Configuration

Kind = Literal["deep-kernel", "in-context"]
FOLDS = 3
MEMBERS = 3


def fit(
    meta_datasets: Sequence[MetaDataset],
    *,
    seed: int,
    exclude_families: Collection[str] = (),
    exclude_tasks: Collection[str] = (),
    space: SearchSpace | None = None,
    kind: Kind = DEEP_KERNEL,
    recipe: Recipe | None = None,
    in_context: InContextRecipe | None = None,
) -> Surrogates:
    """Fits both surrogates from scratch.

    Args:
        meta_datasets: whose runs are learned from.
        seed: of the folds, the starts of the networks and the examples drawn.
        exclude_families: families to leave out entirely.
        exclude_tasks: tasks to leave out entirely.
        space: that the runs' configurations are of; by default see `encoder_for`.
        kind: of the performance surrogate.
        recipe: how to train a deep kernel; its steps are an upper limit.
        in_context: how to fit the in-context surrogate.

    Raises:
        SurrogateError: if nothing is left to learn from.
    """
    runs = _selected(read_runs(meta_datasets), exclude_families, exclude_tasks)
    encoder = encoder_for(meta_datasets, space)
    names = _common_features(runs)
    parts = folds(runs, FOLDS, np.random.default_rng(seed))
    if kind == IN_CONTEXT:
        reference = default_of(meta_datasets)
        fitted = _fit_in_context(runs, encoder, names, parts, in_context or InContextRecipe(), reference)
    else:
        fitted = _fit_deep_kernel(runs, encoder, names, parts, recipe or Recipe(), seed)
    performance, judged, facts = fitted
    works = all(tells_work(run) for run in runs)
    resources = errors_by_task(runs, encoder, parts) if works else {}
    card: dict[str, Any] = {
        "data_sha256": [data_sha256(meta_dataset) for meta_dataset in meta_datasets],
        "tasks": sorted(by_task(runs)),
        "runs": len(runs),
        "seed": seed,
        "encoder_sha256": encoder_sha256(encoder),
        "excluded_families": sorted(exclude_families),
        "excluded_tasks": sorted(exclude_tasks),
        **facts,
        "held_out": {
            "mean": {**judged.mean, **medians(resources)},
            "by_task": {task: {**scores, **resources.get(task, {})} for task, scores in judged.by_task.items()},
            "by_model": errors_by_model(runs, encoder) if works else {},
        },
    }
    if not works:
        return Surrogates(performance, EvenCost(), card)
    return Surrogates(performance, fit_cost(runs, encoder), card, fit_memory(runs, encoder))


def default_of(meta_datasets: Sequence[MetaDataset]) -> Configuration | None:
    """The default configuration, relative to the width of the base model, of most tasks that have one."""
    found = Counter[Configuration]()
    for table in meta_datasets:
        known = ((table.default(task), table.widths[task]) for task in table.task_ids)
        found.update(relative_to_width(default, width) for default, width in known if default)
    return found.most_common(1)[0][0] if found else None


@dataclass(frozen=True)
class _Judged:
    """Scores on tasks that were held out: means over them, and of each."""

    mean: Mapping[str, float]
    by_task: Mapping[str, Mapping[str, float]]


def _fit_deep_kernel(
    runs: Sequence[Run],
    encoder: Encoder,
    names: Sequence[str],
    parts: Sequence[Collection[str]],
    recipe: Recipe,
    seed: int,
) -> tuple[PerformanceSurrogate, _Judged, dict[str, Any]]:
    """The surrogate, how it did on held-out tasks, and what else the card says of it."""
    steps, held_out = _validate(runs, encoder, names, parts, recipe, seed)
    performance = fit_members(runs, encoder, names, recipe, steps=steps, seed=seed, members=MEMBERS)
    performance = replace(performance, targets=replace(performance.targets, inflation=inflation(held_out)))
    by_task = {
        result.task: {
            "rank_correlation_unseen": result.rank_correlation(0),
            "rank_correlation_1_slice": result.rank_correlation(1),
            "regret_1_run": result.regret(1),
        }
        for result in held_out
    }
    return performance, _Judged(summary(held_out), by_task), {"kind": DEEP_KERNEL, "steps": steps}


def _fit_in_context(
    runs: Sequence[Run],
    encoder: Encoder,
    names: Sequence[str],
    parts: Sequence[Collection[str]],
    recipe: InContextRecipe,
    reference: Configuration | None,
) -> tuple[PerformanceSurrogate, _Judged, dict[str, Any]]:
    """The surrogate, how it did on held-out tasks, and what else the card says of it."""
    everything, judged = by_task(runs), dict[str, dict[str, float]]()
    for part in parts:
        rest = runs_of_tasks(runs, [name for name in everything if name not in part])
        surrogate = fit_in_context(rest, encoder, names, recipe, reference=reference)
        judged |= {name: judge(surrogate, everything[name], _reference(surrogate, everything[name])) for name in part}
    performance = fit_in_context(runs, encoder, names, recipe, reference=reference)
    scores = dict.fromkeys(name for one in judged.values() for name in one)
    means = {name: fmean(one[name] for one in judged.values() if name in one) for name in scores}
    return performance, _Judged(means, judged), {"kind": IN_CONTEXT}


def _reference(surrogate: InContextSurrogate, runs: Sequence[Run]) -> Configuration | None:
    """The reference configuration as it was run on this task."""
    found = (run.configuration for run in runs if surrogate.is_reference(run.task, run.configuration))
    return next(found, None)


def _selected(runs: Sequence[Run], families: Collection[str], tasks: Collection[str]) -> list[Run]:
    known = {run.family for run in runs} | {run.task.id for run in runs}
    unknown = sorted((set(families) | set(tasks)) - known)
    if unknown:
        raise SurrogateError(
            f"cannot leave out {', '.join(unknown)}: there is no such family or task among {sorted(known)}"
        )
    kept = [run for run in runs if run.family not in families and run.task.id not in tasks]
    if len(by_task(kept)) < 2:
        raise SurrogateError(
            f"at least 2 tasks with runs are needed to learn what carries over, {len(by_task(kept))} left"
        )
    return kept


def _common_features(runs: Sequence[Run]) -> list[str]:
    """Meta-features that every task has, in alphabetical order."""
    tasks = [group[0].task for group in by_task(runs).values()]
    common = set(tasks[0].meta_features)
    for task in tasks:
        common &= set(task.meta_features)
    return sorted(common)


def _validate(
    runs: Sequence[Run],
    encoder: Encoder,
    names: Sequence[str],
    parts: Sequence[Collection[str]],
    recipe: Recipe,
    seed: int,
) -> tuple[int, list[HeldOut]]:
    """The best number of steps, and the held-out predictions at it."""
    by_step: dict[int, list[HeldOut]] = {}
    for part in parts:
        left_out = runs_of_tasks(runs, list(part))
        rest = runs_of_tasks(runs, [name for name in by_task(runs) if name not in part])
        for step, surrogate in snapshots(rest, encoder, names, recipe, seed):
            by_step.setdefault(step, []).extend(hold_out(surrogate, left_out))
    steps = min(by_step, key=lambda step: fmean(result.log_loss for result in by_step[step]))
    return steps, by_step[steps]
