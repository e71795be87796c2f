"""The noise of a task: how far the best score of a run moves when only its seed changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.types import Configuration


def seed_noise(meta: MetaDataset) -> Mapping[str, float | None]:
    """Standard deviation over seeds of the best validation score, in the metric's unit, for every task.

    Pooled over the configurations with several runs: the square root of the sum of squared deviations from each
    configuration's mean, over the number of runs minus the number of configurations. Runs without a slice do not count,
    nor do runs that a search stopped.

    Returns:
        Task -> standard deviation; None where no configuration was run twice.
    """
    scores: dict[str, dict[Configuration, list[float]]] = {task: {} for task in meta.task_ids}
    for run, task, status in zip(meta.runs["run"], meta.runs["task"], meta.runs["status"], strict=True):
        if status != STOPPED and len(curve := meta.curve(run).scores):
            scores[task].setdefault(meta.configurations[run], []).append(float(curve.max()))
    return {task: _pooled(list(groups.values())) for task, groups in scores.items()}


def _pooled(groups: list[list[float]]) -> float | None:
    several = [np.array(group) for group in groups if len(group) > 1]
    if not several:
        return None
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in several)
    return float(np.sqrt(squares / sum(len(group) - 1 for group in several)))
