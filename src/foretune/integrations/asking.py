"""What foretune would train next, for tools that train themselves: they tell how their runs stand, and ask.

A tool has runs of configurations; each run has a value of the metric after each slice. The searches of these tools are
`transfer-in-context` without a budget: only the tool knows the time, so that seconds decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from foretune.errors import ConfigurationError
from foretune.integrations.following import Stage
from foretune.metadata.slices import equal_parts, values_at
from foretune.optimizer import Search
from foretune.optimizer.in_context import TransferInContext, transfer_in_context
from foretune.optimizer.likeness import most_like
from foretune.optimizer.pool import candidate_pool
from foretune.session.ground import base_model_held, prepare
from foretune.session.options import TuneOptions
from foretune.session.search import check_settings, on_this_machine
from foretune.space import load_space
from foretune.space.vocabulary import HYPERPARAMETERS
from foretune.surrogate.inputs import width_of
from foretune.surrogate.store import load_surrogates
from foretune.types import Configuration, LearningCurve, Report, Status, Task, Trial

_SECONDS = 1.0
"""Of any slice, see the module."""


@dataclass(frozen=True)
class OutsideRun:
    """A run that another tool trains.

    Attributes:
        configuration: of the pool of the search.
        values: of the task's metric, by the number of the step; NaN where it diverged.
        stage: how it stands; one that was left can be gone on with, unlike one that failed.
    """

    configuration: Configuration
    values: Mapping[int, float] = field(default_factory=dict[int, float])
    stage: Stage = Stage.RUNNING

    def reported(self, step: int, value: float) -> OutsideRun:
        """The same with one more value; a step that is reported again counts once."""
        return replace(self, values={**self.values, step: value})

    @property
    def finite(self) -> list[float]:
        """The values before it diverged."""
        return list(takewhile(math.isfinite, [value for _, value in sorted(self.values.items())]))


def search_of_data(data: str | Path, *, model: str | Path = "foretune-tiny", **options: Any) -> Search:
    """For a dataset and a base model, which is loaded and scored before any training.

    Args:
        data: file, folder or hub name of the dataset.
        model: base model: `foretune-tiny`, a folder, or a hub name.
        options: further ones of `foretune.tune`: `seed`, `space`, `candidates`, `surrogates`, `train_rows`, ...

    Raises:
        ForetuneError: whatever is wrong with the input.
    """
    asked = TuneOptions.of(data, model, **options)
    check_settings(asked)
    with base_model_held():
        setup = prepare(on_this_machine(asked), None, timed=False)
    return Search(setup.task, setup.candidates, setup.default, setup.surrogates, asked.seed)


def search_of_task(
    task: Task, surrogates: str | Path, *, space: str | Path = "peft", candidates: int = 256, seed: int = 0
) -> Search:
    """For a task that is described by its meta-features.

    Args:
        task: what is finetuned.
        surrogates: folder written by `foretune fit`.
        space: search space: a shipped name or a YAML file.
        candidates: configurations to choose from.
        seed: of everything random.

    Raises:
        ConfigurationError: if the meta-features do not tell the width of the base model.
    """
    learned, width = load_surrogates(surrogates), width_of(task)
    if width is None:
        message = f"task {task.id!r} has no meta-feature model_log_width, which learning rates depend on; add it"
        raise ConfigurationError(message)
    scaled = load_space(str(space), hidden_size=width)
    pool = candidate_pool(scaled, width, learned.performance.recorded, candidates, np.random.default_rng(seed))
    return Search(task, pool, scaled.default(), learned, seed)


def known_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters that foretune knows, where their values are legal."""
    return {
        name: value
        for name, value in given.items()
        if name in HYPERPARAMETERS and isinstance(value, str | int | float) and HYPERPARAMETERS[name].allows(value)
    }


def of_pool(search: Search, values: Mapping[str, Any]) -> Configuration:
    """The configuration of the pool that has these values, or is most like them."""
    wanted = Configuration(values)
    return wanted if wanted in search.pool else most_like(wanted, search.pool)


def check_direction(task: Task, option: str, given: str, words: tuple[str, str]) -> None:
    """Raises a `ConfigurationError` unless a tool optimizes in the direction of the task.

    Args:
        task: whose metric is to optimize.
        option: of the tool, which has the direction.
        given: its value.
        words: its values to minimize and to maximize.
    """
    wanted = words[task.metric.maximize]
    if given != wanted:
        message = (
            f"got {option}={given!r}, but {task.metric.name} of the task {task.id!r} is to "
            f"{'maximize' if task.metric.maximize else 'minimize'}; give {option}={wanted!r}"
        )
        raise ConfigurationError(message)


def next_configuration(search: Search, runs: Iterable[OutsideRun]) -> Configuration | None:
    """What to train next; None once the whole pool is trained.

    Args:
        search: the task, the pool and the surrogates.
        runs: so far, the one that was trained last at the end.
    """
    optimizer, pending = _told(search, runs)
    asked = optimizer.ask(pending=pending)
    return asked and asked.configuration


def goes_on(search: Search, others: Iterable[OutsideRun], run: OutsideRun) -> bool:
    """Whether a run is worth its next slice.

    Args:
        search: the task, the pool and the surrogates.
        others: all other runs.
        run: under way.
    """
    if not 0 < len(run.finite) < search.task.max_fidelity:
        return True
    return next_configuration(search, [*others, replace(run, stage=Stage.LEFT)]) == run.configuration


def _told(search: Search, runs: Iterable[OutsideRun]) -> tuple[TransferInContext, list[Trial]]:
    """An optimizer that knows the runs, and the runs that are under way."""
    optimizer, pending, slices = transfer_in_context(search), list[Trial](), search.task.max_fidelity
    for number, run in enumerate(runs):
        curve = _curve(search.task, run)
        is_whole = len(curve) == slices and len(run.finite) == len(run.values)
        if run.stage is Stage.RUNNING and not is_whole:
            pending.append(Trial(number, run.configuration, slices, resumes_from=min(len(curve), slices - 1)))
        if run.stage is Stage.FAILED or (run.stage is Stage.COMPLETE and not is_whole):
            optimizer.tell(Report(Trial(number, run.configuration, slices), Status.FAILED, curve))
        elif len(curve):
            optimizer.tell(Report(Trial(number, run.configuration, len(curve)), Status.OK, curve))
    return optimizer, pending


def _curve(task: Task, run: OutsideRun) -> LearningCurve:
    """The slices of a run; a complete one that reported others is read at so many parts of it."""
    values, slices = run.finite, task.max_fidelity
    if run.stage is Stage.COMPLETE and len(values) == len(run.values) and len(values) not in {0, slices}:
        places = [(place + 1) / len(values) for place in range(len(values))]
        values = values_at(equal_parts(1.0, slices), places, values).tolist()
    scores = [task.metric.score(value) for value in values[:slices]]
    return LearningCurve(np.array(scores), np.full(len(scores), _SECONDS))
