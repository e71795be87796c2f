"""Configurations that several tasks share, and the matrix of their losses.

The learning rate that suits a base model depends on its width, and search spaces are scaled to it
(`foretune.space.learning_rate`). Configurations on base models of different widths are the same ones here if they are
equal relative to that rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from foretune.errors import MetaDatasetError
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.ranking import ranking_tasks
from foretune.space.learning_rate import learning_rate_reference
from foretune.types import Configuration

LEAST_CONFIGURATIONS = 3
_LEAST_TASKS = 3
_OVERFIT = 0.02

Losses = Float[np.ndarray, "M C"]


def relative_to_width(configuration: Configuration, hidden_size: int | None) -> Configuration:
    """The configuration with its learning rate as a multiple of the reference, to two digits.

    More digits would tell configurations apart that were drawn as the same ones: a search space for another width has
    the ends of its ranges rounded to three digits, which moves draws by up to half a percent.

    Args:
        configuration: as it was trained.
        hidden_size: of the base model; None leaves the configuration as it is.
    """
    rate = configuration.values.get("learning_rate")
    if hidden_size is None or not isinstance(rate, int | float):
        return configuration
    ratio = float(f"{rate / learning_rate_reference(hidden_size):.2g}")
    return Configuration({**configuration.values, "learning_rate": ratio})


def at_width(configuration: Configuration, hidden_size: int | None) -> Configuration:
    """Undo `relative_to_width`, with a learning rate of three digits, as search spaces have them."""
    ratio = configuration.values.get("learning_rate")
    if hidden_size is None or not isinstance(ratio, int | float):
        return configuration
    rate = float(f"{ratio * learning_rate_reference(hidden_size):.3g}")
    return Configuration({**configuration.values, "learning_rate": rate})


def overfits(scores: Float[np.ndarray, " T"]) -> bool:
    """Whether a curve ends more than 2 % below its best score, whatever the sign of the scores."""
    best = float(scores.max())
    return bool(scores[-1] < best - _OVERFIT * abs(best))


def best_losses(meta: MetaDataset) -> dict[str, dict[Configuration, float]]:
    """Task -> configuration relative to the width of the base model -> best validation loss (infinite: no slice).

    Scores have their sign turned, so that lower is better. Where there are several seeds, the first run counts.
    """
    table: dict[str, dict[Configuration, float]] = {}
    for run, task in zip(meta.runs["run"], meta.runs["task"], strict=True):
        scores = meta.curve(run).scores
        loss = float(-scores.max()) if len(scores) else np.inf
        configuration = relative_to_width(meta.configurations[run], meta.widths[task])
        table.setdefault(task, {}).setdefault(configuration, loss)
    return table


def common_losses(meta: MetaDataset) -> tuple[Losses, tuple[str, ...], tuple[Configuration, ...]]:
    """Best validation losses of tasks by configurations, as a whole matrix.

    Tasks that rank no configurations (`foretune.metadata.ranking`) are left out.

    Where a task could not take all common configurations (large ones are spared long runs), either that task or those
    configurations are left out: of the choices "configurations that were run on at least k tasks", the largest
    matrix is taken.

    Returns:
        The losses (M, C; scores with their sign turned), the tasks, and the configurations relative to the width of the
        base model, both in the order of the tables.

    Raises:
        MetaDatasetError: if fewer than 3 tasks have 3 configurations in common.
    """
    every = best_losses(meta)
    table = {task: every[task] for task in ranking_tasks(meta)}
    coverage = Counter(configuration for losses in table.values() for configuration in losses)
    pools = [_pool(meta, table, coverage, least) for least in sorted(set(coverage.values()))]
    enough = [pool for pool in pools if len(pool[0]) >= _LEAST_TASKS and len(pool[1]) >= LEAST_CONFIGURATIONS]
    if not enough:
        shared = sum(count == len(table) for count in coverage.values())
        raise MetaDatasetError(
            f"the gate needs {_LEAST_TASKS} tasks and {LEAST_CONFIGURATIONS} configurations run on all of them, "
            f"got {len(table)} and {shared}; collect more, with a larger `--common`"
        )
    tasks, common = max(enough, key=lambda pool: len(pool[0]) * len(pool[1]))
    return np.array([[table[task][c] for c in common] for task in tasks]), tasks, common


def _pool(
    meta: MetaDataset,
    table: Mapping[str, Mapping[Configuration, float]],
    coverage: Mapping[Configuration, int],
    least: int,
) -> tuple[tuple[str, ...], tuple[Configuration, ...]]:
    """The configurations run on `least` tasks or more, and the tasks that have them all."""
    common = tuple(configuration for configuration, count in coverage.items() if count >= least)
    return tuple(task for task in meta.task_ids if table.get(task, {}).keys() >= set(common)), common
