"""Meta-learning: from recorded runs on many tasks to surrogates for new ones.

1. Whole families (where there are at least four; else whole tasks) are held out in turn. On them the number of training
steps
   is chosen, the predicted standard deviations are calibrated, and the held-out scores in the card are measured.
2. The ensemble is trained on all tasks for that many steps.

What comes out depends on the meta-datasets and the seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import Any, Literal

import numpy as np

from foretune.errors import SurrogateError
from foretune.metadata import MetaDataset
from foretune.metadata.common import relative_to_width
from foretune.metadata.digest import data_sha256
from foretune.space import Encoder, SearchSpace, load_space
from foretune.surrogate.cost import cost_errors, fit_cost
from foretune.surrogate.deep_kernel import Recipe
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.fit_in_context import InContextRecipe, fit_in_context
from foretune.surrogate.fit_performance import fit_members, runs_of_tasks, snapshots
from foretune.surrogate.judge import judge
from foretune.surrogate.protocol import PerformanceSurrogate, Surrogates
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
        space: that the runs' configurations are of; by default the shipped main one.
        kind: of the performance surrogate.
        recipe: how to train a deep kernel; its steps are an upper limit.
        in_context: how to fit the in-context surrogate.

    Raises:
        SurrogateError: if nothing is left to learn from.
    """
    runs = _selected(read_runs(meta_datasets), exclude_families, exclude_tasks)
    encoder = Encoder.of(space or load_space("peft"))
    names = _common_features(runs)
    if kind == IN_CONTEXT:
        reference = default_of(meta_datasets)
        fitted = _fit_in_context(runs, encoder, names, in_context or InContextRecipe(), seed, reference)
    else:
        fitted = _fit_deep_kernel(runs, encoder, names, recipe or Recipe(), seed)
    performance, facts = fitted
    card: dict[str, Any] = {
        "data_sha256": [data_sha256(meta_dataset) for meta_dataset in meta_datasets],
        "tasks": sorted(by_task(runs)),
        "runs": len(runs),
        "seed": seed,
        "excluded_families": sorted(exclude_families),
        "excluded_tasks": sorted(exclude_tasks),
        **facts,
    }
    return Surrogates(performance, fit_cost(runs, encoder), card)


def default_of(meta_datasets: Sequence[MetaDataset]) -> Configuration | None:
    """The default configuration, relative to the width of the base model, of most tasks that have one."""
    found = Counter[Configuration]()
    for table in meta_datasets:
        known = ((table.default(task), table.widths[task]) for task in table.task_ids)
        found.update(relative_to_width(default, width) for default, width in known if default)
    return found.most_common(1)[0][0] if found else None


def _fit_deep_kernel(
    runs: Sequence[Run], encoder: Encoder, names: Sequence[str], recipe: Recipe, seed: int
) -> tuple[PerformanceSurrogate, dict[str, Any]]:
    """The surrogate, and what the card says of it."""
    steps, held_out, cost_log_errors = _validate(runs, encoder, names, recipe, seed)
    performance = fit_members(runs, encoder, names, recipe, steps=steps, seed=seed, members=MEMBERS)
    performance = replace(performance, targets=replace(performance.targets, inflation=inflation(held_out)))
    return performance, {"steps": steps, "held_out": _held_out_card(held_out, cost_log_errors)}


def _fit_in_context(
    runs: Sequence[Run],
    encoder: Encoder,
    names: Sequence[str],
    recipe: InContextRecipe,
    seed: int,
    reference: Configuration | None,
) -> tuple[PerformanceSurrogate, dict[str, Any]]:
    """The surrogate, and what the card says of it."""
    everything, judged = by_task(runs), dict[str, dict[str, float]]()
    for held in folds(runs, FOLDS, np.random.default_rng(seed)):
        rest = runs_of_tasks(runs, [name for name in everything if name not in held])
        surrogate = fit_in_context(rest, encoder, names, recipe, seed=seed, reference=reference)
        cost = fit_cost(rest, encoder)
        for name in held:
            own = everything[name]
            key = next((one.configuration for one in own if surrogate.is_reference(one.task, one.configuration)), None)
            log_error = float(np.median(np.abs(cost_errors(cost, own))))
            judged[name] = {**judge(surrogate, own, key), "cost_log_error": log_error}
    performance = fit_in_context(runs, encoder, names, recipe, seed=seed, reference=reference)
    scores = dict.fromkeys(name for one in judged.values() for name in one)
    means = {name: fmean(one[name] for one in judged.values() if name in one) for name in scores}
    means["cost_log_error"] = median(one["cost_log_error"] for one in judged.values())
    return performance, {"held_out": {"mean": means, "by_task": judged}}


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
    runs: Sequence[Run], encoder: Encoder, names: Sequence[str], recipe: Recipe, seed: int
) -> tuple[int, list[HeldOut], dict[str, float]]:
    """The best number of steps, the held-out predictions at it, and each held-out task's error of log seconds."""
    by_step: dict[int, list[HeldOut]] = {}
    cost_log_errors: dict[str, float] = {}
    everything = by_task(runs)
    for held in folds(runs, FOLDS, np.random.default_rng(seed)):
        left_out = runs_of_tasks(runs, held)
        rest = runs_of_tasks(runs, [name for name in everything if name not in held])
        for step, surrogate in snapshots(rest, encoder, names, recipe, seed):
            by_step.setdefault(step, []).extend(hold_out(surrogate, left_out))
        cost = fit_cost(rest, encoder)
        cost_log_errors |= {name: float(np.median(np.abs(cost_errors(cost, everything[name])))) for name in held}
    steps = min(by_step, key=lambda step: fmean(result.log_loss for result in by_step[step]))
    return steps, by_step[steps], cost_log_errors


def _held_out_card(results: Sequence[HeldOut], cost_log_errors: dict[str, float]) -> dict[str, Any]:
    tasks = {
        result.task: {
            "rank_correlation_unseen": result.rank_correlation(0),
            "rank_correlation_1_slice": result.rank_correlation(1),
            "regret_1_run": result.regret(1),
            "cost_log_error": cost_log_errors[result.task],
        }
        for result in results
    }
    means = {**summary(results), "cost_log_error": median(cost_log_errors.values())}
    return {"mean": means, "by_task": tasks}
