"""Which tasks tell that one configuration is better than another.

A task with runs of a single configuration ranks nothing. Neither does the loss of training: it is least where a
configuration has learned its rows by heart.
"""

from __future__ import annotations

from collections.abc import Collection

from foretune.metadata.dataset import MetaDataset
from foretune.types import Metric

_TRAINING = "train"


def ranks_configurations(metric: Metric, configurations: Collection[object]) -> bool:
    """Whether a task that is judged by this metric, with runs of these configurations, ranks any."""
    return len(set(configurations)) > 1 and not metric.name.lower().startswith(_TRAINING)


def ranking_tasks(meta: MetaDataset) -> tuple[str, ...]:
    """The tasks that rank configurations, in the order of the table."""
    return tuple(
        task
        for task in meta.task_ids
        if ranks_configurations(meta.metrics[task], [meta.configurations[run] for run in meta.runs_of(task)])
    )
