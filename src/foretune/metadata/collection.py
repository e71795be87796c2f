"""A planned collection: tasks, a base model, and the order in which configurations are run on each task.

The first configuration of every task is the default, a share of the others is common to all tasks, and the rest are
draws of its own. Everything follows from a seed, and a larger collection only adds runs to a smaller collection. Or all
tasks get the same given configurations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foretune.errors import MetaDatasetError
from foretune.metadata.source import TaskSource
from foretune.request import Reading
from foretune.space import SearchSpace
from foretune.types import Configuration

_MOST_DRAWS = 64
"""How many times as many configurations as wanted are drawn to find enough that fit the limit of tokens."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Collection:
    """A planned collection.

    Attributes:
        sources: the tasks.
        model: name or folder of the base model.
        space: where configurations come from.
        configurations: per task, the default included.
        common: share of them that all tasks have in common.
        seed: decides the configurations and the seeds of the runs.
        max_length: tokens that an example may have.
        max_tokens_per_run: configurations whose epochs would train on more tokens are left out of a task, and replaced
            by other draws; the default never is. None for no limit.
        timeout_seconds: per run; None for never.
        device: `cpu`, `cuda`, ...
        validation_tokens: slices are scored on about so many tokens of the validation split; None for all of it.
        test_tokens: the same of the test split.
        repeats: how many further times each run is done, with other seeds: they measure the noise.
        reading: how the rows of the datasets are read.
        given: train the first of these on every task, in the place of the default and of draws; with a limit of tokens,
            without any for the ones left out.
        longest_first: begin with the runs of most steps, so that none is left over when many workers are done.
    """

    sources: Sequence[TaskSource]
    model: str
    space: SearchSpace
    configurations: int
    common: float = 0.6
    seed: int = 0
    max_length: int = 512
    max_tokens_per_run: float | None = None
    timeout_seconds: float | None = None
    device: str = "cpu"
    validation_tokens: int | None = None
    test_tokens: int | None = None
    repeats: int = 0
    reading: Reading = field(default_factory=Reading)
    given: Sequence[Configuration] = ()
    longest_first: bool = False

    def __post_init__(self) -> None:
        ids = [source.id for source in self.sources]
        if len(set(ids)) < len(ids) or not ids:
            raise MetaDatasetError(
                f"expected one or more tasks of different names, got {', '.join(ids) or 'none'}; rename or drop some"
            )
        if self.configurations < 1 or self.repeats < 0 or not 0 <= self.common <= 1:
            raise MetaDatasetError(
                f"{self.configurations} configurations with a common share of {self.common} and {self.repeats} "
                "repetitions: use 1 or more, 0 to 1, and 0 or more"
            )


@dataclass(frozen=True)
class CollectionRun:
    """One run that is to be done.

    Attributes:
        name: its task, the key of its configuration, and the seed of the collection; a repetition has its number after
            that.
        source: the dataset.
        configuration: to train.
    """

    name: str
    source: TaskSource
    configuration: Configuration

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.name.split("/", 1)[0]

    @property
    def seed(self) -> int:
        """Decides the initial adapter and the order of the data; follows from the name, below 2^31."""
        return _digest(self.name)


def plan(collection: Collection, rows: Mapping[str, Row]) -> list[CollectionRun]:
    """All runs in their order: the first configuration of every task, then the second of every task, and so on; or,
    with `longest_first`, by their steps.

    Args:
        collection: the planned collection.
        rows: of the table of tasks, by task.
    """
    shared = _common(collection)
    tasks = {source.task(collection.model): source for source in collection.sources}
    drawn = {task: _draw(collection, source, rows[task], shared) for task, source in tasks.items()}
    ends = ["", *(f".{repeat}" for repeat in range(1, collection.repeats + 1))]
    planned = [
        CollectionRun(f"{task}/{drawn[task][place].key}/{collection.seed}{end}", source, drawn[task][place])
        for place in range(collection.configurations)
        for end in ends
        for task, source in tasks.items()
        if place < len(drawn[task])
    ]
    return sorted(planned, key=lambda run: -_steps(run, rows[run.task])) if collection.longest_first else planned


def _steps(run: CollectionRun, row: Row) -> float:
    """Optimizer steps of a run, about; on an accelerator that small batches do not fill, seconds follow the steps."""
    values = run.configuration.values
    return row["n_train"] * float(values.get("epochs", 1)) / float(values.get("batch_size", 1))


def _common(collection: Collection) -> list[Configuration]:
    if collection.given:
        return list(collection.given[: collection.configurations])
    count = max(1, round(collection.common * collection.configurations))
    default, rng = collection.space.default(), np.random.default_rng(collection.seed)
    drawn = collection.space.sample(count, rng) if count > 1 else []
    return [default, *(one for one in drawn if one != default)][:count]


def _draw(collection: Collection, source: TaskSource, row: Row, shared: Sequence[Configuration]) -> list[Configuration]:
    """The configurations of one task: the default, the common ones that fit the limit of tokens, draws of its own."""
    if collection.given:
        return [one for one in shared if _fits(collection, row, one)]
    kept = [shared[0], *(one for one in shared[1:] if _fits(collection, row, one))]
    seed = [collection.seed, _digest(source.id)]
    for factor in (2**power for power in range(_MOST_DRAWS.bit_length())):
        drawn = collection.space.sample(collection.configurations * factor, np.random.default_rng(seed))
        fresh = [one for one in drawn if one not in shared and _fits(collection, row, one)]
        if len(kept) + len(fresh) >= collection.configurations:
            return [*kept, *fresh][: collection.configurations]
    raise MetaDatasetError(
        f"hardly any configuration trains {source.id} on {collection.max_tokens_per_run:,.0f} tokens or less; "
        "raise --max-tokens-per-run, or give fewer rows with @ROWS"
    )


def _fits(collection: Collection, row: Row, configuration: Configuration) -> bool:
    limit = collection.max_tokens_per_run
    tokens = 10 ** row["feature.log_train_tokens"] * float(configuration.values.get("epochs", 1))
    return limit is None or tokens <= limit


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def command(collection: Collection) -> str:
    """The command that collects this, with names in the place of paths."""
    options = {
        "model": Path(collection.model).name,
        "space": collection.space.name,
        "configurations": collection.configurations,
        "common": collection.common,
        "seed": collection.seed,
        "max-length": collection.max_length,
        "max-tokens-per-run": collection.max_tokens_per_run,
        "timeout": collection.timeout_seconds,
        "validation-tokens": collection.validation_tokens,
        "test-tokens": collection.test_tokens,
        "repeats": collection.repeats or None,
        "configurations-from": "FILE" if collection.given else None,
    }
    unusual = collection.reading.unusual()
    reading = {name.replace("_", "-"): "" if value is True else value for name, value in unusual.items()}
    tasks = " ".join(source.id for source in collection.sources)
    given = {**options, **reading}
    written = " ".join(f"--{name} {value}".strip() for name, value in given.items() if value is not None)
    return f"foretune collect --tasks {tasks} {written}"
