"""How wrong predicted seconds and bytes are on what was held out: whole tasks, and whole base models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from foretune.space import Encoder
from foretune.surrogate.cost import LinearCost, cost_errors, fit_cost
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.memory import LinearMemory, fit_memory, memory_errors

Errors = dict[str, float]


def errors_by_task(runs: Sequence[Run], encoder: Encoder, parts: Sequence[Collection[str]]) -> dict[str, Errors]:
    """Task -> median absolute errors of `cost_log_error` and, where peaks were recorded, `memory_log_error`.

    An error of 0.1 in logarithms is about 10 %. Seconds are as they are in the table: what another machine takes is
    told by the first slices on it.

    Args:
        runs: of all tasks.
        encoder: of their configurations.
        parts: ids of tasks, each part predicted from the runs of all others.
    """
    found = dict[str, Errors]()
    for part in parts:
        models = _fitted([run for run in runs if run.task.id not in part], encoder)
        held = by_task([run for run in runs if run.task.id in part])
        found |= {task: _errors(models, own) for task, own in held.items()}
    return found


def errors_by_model(runs: Sequence[Run], encoder: Encoder) -> dict[str, Errors]:
    """Base model -> the same over all of its runs, predicted from those of the other models; empty for one model."""
    models = list(dict.fromkeys(run.model for run in runs))
    split = {
        model: ([run for run in runs if run.model != model], [run for run in runs if run.model == model])
        for model in models
    }
    return {model: _errors(_fitted(rest, encoder), own) for model, (rest, own) in split.items() if rest}


def medians(errors: Mapping[str, Errors]) -> Errors:
    """Median over all that have it."""
    names = dict.fromkeys(name for one in errors.values() for name in one)
    return {name: float(np.median([one[name] for one in errors.values() if name in one])) for name in names}


Fitted = tuple[LinearCost | None, LinearMemory | None]


def _fitted(runs: Sequence[Run], encoder: Encoder) -> Fitted:
    cost = fit_cost(runs, encoder) if any(len(run.train_seconds) for run in runs) else None
    return cost, fit_memory(runs, encoder)


def _errors(models: Fitted, held: Sequence[Run]) -> Errors:
    cost, memory = models
    missed = {
        "cost_log_error": cost_errors(cost, held) if cost else np.empty(0),
        "memory_log_error": memory_errors(memory, held) if memory else np.empty(0),
    }
    return {name: float(np.median(np.abs(errors))) for name, errors in missed.items() if len(errors)}
