"""The noise of a task: how far the best score of a run moves when only its seed changes, and how much that matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.types import Configuration

_LEAST_REPEATED = 2
_LEAST_TIMES = 3


def seed_noise(meta: MetaDataset) -> Mapping[str, float | None]:
    """Standard deviation over seeds of the best validation score, in the metric's unit, for every task.

    Pooled over the configurations with several runs: the square root of the sum of squared deviations from each
    configuration's mean, over the number of runs minus the number of configurations. Runs without a slice do not count,
    nor do runs that a search stopped.

    Returns:
        Task -> standard deviation; None where no configuration was run twice.
    """
    return {task: _pooled(groups) for task, groups in _peaks(meta).items()}


def luck(meta: MetaDataset, counts: Sequence[int]) -> Mapping[str, Float[np.ndarray, " k"]]:
    """Regret of knowing how every configuration does on average over seeds, but not how it does with the one at hand.

    On the configurations that were run most often: each of their runs in turn is the outcome, and the order is by the
    mean of the others. Regret is the best of that run's scores minus the best of the first `count` in the order, in
    units of best minus median of all first runs of the task; the mean over the runs.

    Args:
        meta: tasks without two configurations that were run three times are left out.
        counts: of full runs.

    Returns:
        Task -> regret after each count.
    """
    found: dict[str, Float[np.ndarray, " k"]] = {}
    for task, groups in _peaks(meta).items():
        times = max((len(group) for group in groups), default=0)
        repeated = np.array([group for group in groups if len(group) == times])
        pool = np.array([group[0] for group in groups])
        unit = float(pool.max() - np.median(pool)) if len(pool) else 0.0
        if len(repeated) >= _LEAST_REPEATED and times >= _LEAST_TIMES and unit > 0:
            regrets = [_regret_of_means(repeated, run, counts) for run in range(times)]
            found[task] = np.mean(regrets, axis=0) / unit
    return found


def _regret_of_means(peaks: Float[np.ndarray, "C S"], run: int, counts: Sequence[int]) -> Float[np.ndarray, " k"]:
    order = np.argsort(-np.delete(peaks, run, axis=1).mean(axis=1), kind="stable")
    best = np.maximum.accumulate(peaks[order, run])
    return best[-1] - best[np.minimum(counts, len(order)) - 1]


def _peaks(meta: MetaDataset) -> dict[str, list[list[float]]]:
    """Task -> the best scores of the runs of each configuration."""
    scores: dict[str, dict[Configuration, list[float]]] = {task: {} for task in meta.task_ids}
    for run, task, status in zip(meta.runs["run"], meta.runs["task"], meta.runs["status"], strict=True):
        if status != STOPPED and len(curve := meta.curve(run).scores):
            scores[task].setdefault(meta.configurations[run], []).append(float(curve.max()))
    return {task: list(groups.values()) for task, groups in scores.items()}


def _pooled(groups: list[list[float]]) -> float | None:
    several = [np.array(group) for group in groups if len(group) > 1]
    if not several:
        return None
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in several)
    return float(np.sqrt(squares / sum(len(group) - 1 for group in several)))
