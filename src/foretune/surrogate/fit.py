"""Meta-learning: from recorded runs on many tasks to surrogates for new ones.

1. Whole families (where there are at least four; else whole tasks) are held out in turn. On them the held-out scores in
   the card are measured and, as the kind of surrogate needs it (`foretune.surrogate.kinds`), the number of training
   steps is chosen and the predicted standard deviations are calibrated.
2. What is shipped is fitted on all tasks.

What comes out depends on the meta-datasets and the seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from foretune.errors import SurrogateError
from foretune.metadata import MetaDataset
from foretune.metadata.common import relative_to_width
from foretune.metadata.digest import data_sha256
from foretune.space import Encoder, SearchSpace
from foretune.surrogate.cost import EvenCost, fit_cost, tells_work
from foretune.surrogate.encoders import encoder_for, encoder_sha256
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.for_search import REMEDY, described_features, for_search
from foretune.surrogate.hardware import of_one_kind, one_kind
from foretune.surrogate.judge import errors_by_model, errors_by_task, folds, medians
from foretune.surrogate.kinds import IN_CONTEXT, Data, Fitted, find_kind
from foretune.surrogate.memory import fit_memory
from foretune.surrogate.protocol import Surrogates
from foretune.types import Configuration

FOLDS = 3
_ANY_WIDTH = 1000


def fit(
    meta_datasets: Sequence[MetaDataset],
    *,
    seed: int,
    exclude_families: Collection[str] = (),
    exclude_tasks: Collection[str] = (),
    space: SearchSpace | None = None,
    kind: str = IN_CONTEXT,
    recipe: Any = None,
    judge: bool = True,
    search: SearchSpace | None = None,
    progress: Callable[[str], None] | None = None,
) -> Surrogates:
    """Fits the surrogates from scratch.

    Args:
        meta_datasets: whose runs are learned from.
        seed: of everything random.
        exclude_families: families to leave out entirely.
        exclude_tasks: tasks to leave out entirely.
        space: that the runs' configurations are of; by default see `encoder_for`.
        kind: of the performance surrogate, see `foretune.surrogate.kinds`.
        recipe: how to fit it, of the kind's own type; None for its default.
        judge: measure held-out scores; if not, they are left out where the fit itself does not need them, which takes a
            fraction of the time.
        search: what `foretune tune` is to choose from with these surrogates; other people's runs, with curves of any
            length, are then brought into its words (`foretune.surrogate.for_search`). None takes runs as they are.
        progress: is told what comes next.

    Raises:
        SurrogateError: if nothing is left to learn from, or what the kind needs is not installed.
    """
    chosen, tell = find_kind(kind), progress or (lambda _: None)
    chosen.check()
    runs = _selected(read_runs(meta_datasets), exclude_families, exclude_tasks)
    runs, notes = _for_search(runs, search, described=chosen.needs_all) if search else (runs, ())
    reference = default_of(meta_datasets) or (_default(search) if search else None)
    encoder = encoder_for(meta_datasets, space or search)
    names = common_features(runs) if chosen.needs_all else known_by_most(runs)
    names = [name for name in names if name in described_features(runs)] if search else names
    parts = folds(runs, FOLDS, np.random.default_rng(seed))
    judged = parts if judge else []
    held_out = parts if chosen.needs_held_out else judged
    fitted = chosen.fit(Data(runs, encoder, names, held_out, reference, seed, tell), recipe)
    tell("the cost and memory surrogates")
    priced = of_one_kind([run for run in runs if tells_work(run)])
    works = any(len(run.train_seconds) for run in priced)
    card: dict[str, Any] = {
        "data_sha256": [data_sha256(meta_dataset) for meta_dataset in meta_datasets],
        "tasks": sorted(by_task(runs)),
        "runs": len(runs),
        "hardware": one_kind(run.hardware for run in priced),
        "seed": seed,
        "encoder_sha256": encoder_sha256(encoder),
        "excluded_families": sorted(exclude_families),
        "excluded_tasks": sorted(exclude_tasks),
        "notes": list(notes),
        **fitted.facts,
        "held_out": _held_out(fitted, priced if works else [], encoder, judged),
    }
    if not works:
        return Surrogates(fitted.performance, EvenCost(), card)
    return Surrogates(fitted.performance, fit_cost(priced, encoder), card, fit_memory(priced, encoder))


def _for_search(runs: Sequence[Run], search: SearchSpace, *, described: bool) -> tuple[Sequence[Run], tuple[str, ...]]:
    """The runs in the words of the search space, if need be those on described tasks alone, and notes on what was
    changed."""
    usable = for_search(runs, search)
    if not described:
        return usable.runs, usable.notes
    kept = _described(usable.runs)
    left = len(usable.runs) - len(kept)
    note = f"{left} runs on tasks that foretune has not described are left out"
    return kept, (*usable.notes, note) if left else usable.notes


def _held_out(
    fitted: Fitted, priced: Sequence[Run], encoder: Encoder, parts: Sequence[Collection[str]]
) -> Mapping[str, Any]:
    """Scores of the card: of performance, seconds and bytes on tasks held out, of the last two on base models, too."""
    resources = errors_by_task(priced, encoder, parts) if priced else {}
    return {
        "mean": {**fitted.mean, **medians(resources)},
        "by_task": {task: {**scores, **resources.get(task, {})} for task, scores in fitted.by_task.items()},
        "by_model": errors_by_model(priced, encoder) if parts else {},
    }


def default_of(meta_datasets: Sequence[MetaDataset]) -> Configuration | None:
    """The default configuration, relative to the width of the base model, of most tasks that have one."""
    found = Counter[Configuration]()
    for table in meta_datasets:
        known = ((table.default(task), table.widths[task]) for task in table.task_ids)
        found.update(relative_to_width(default, width) for default, width in known if default)
    return found.most_common(1)[0][0] if found else None


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
            f"at least 2 tasks with runs are needed to learn what carries over, {len(by_task(kept))} left; {REMEDY}"
        )
    return kept


def _described(runs: Sequence[Run]) -> list[Run]:
    """Runs that tell how much work they are, on tasks of which as much is known."""
    kept = [run for run in runs if tells_work(run)]
    if len(by_task(kept)) < 2:
        message = (
            "this kind of surrogate needs tasks described by foretune, with epochs and batch sizes; give --kind "
            f"{IN_CONTEXT}, which can do without"
        )
        raise SurrogateError(message)
    return kept


def _default(space: SearchSpace) -> Configuration:
    """The default relative to the width of the base model."""
    return relative_to_width(space.at(_ANY_WIDTH).default(), _ANY_WIDTH)


def known_by_most(runs: Sequence[Run]) -> list[str]:
    """Meta-features that at least half of the tasks have, and the loss before training if any has it."""
    tasks = [group[0].task for group in by_task(runs).values()]
    count = Counter(name for task in tasks for name in task.meta_features)
    return sorted(name for name, times in count.items() if 2 * times >= len(tasks) or name == "zero_shot_nll")


def common_features(runs: Sequence[Run]) -> list[str]:
    """Meta-features that every task has, in alphabetical order."""
    tasks = [group[0].task for group in by_task(runs).values()]
    common = set(tasks[0].meta_features)
    for task in tasks:
        common &= set(task.meta_features)
    return sorted(common)
