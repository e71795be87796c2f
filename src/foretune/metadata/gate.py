"""The gate: is there anything for transfer to win on this meta-dataset, before a surrogate is fitted?

The scores of the configurations that the tasks share are a matrix L (M tasks, C configurations): the best validation
loss of each run, infinite for one without a slice. The *regret* of a task after k full runs is

    (best loss of the k runs - best of the pool) / (median of the pool - best of the pool),

so 0 is the best in the pool and 1 the median configuration. Each method orders the configurations of a task from the
other tasks only (all but that task, or all but its family):

- random: the expected regret over all orders, in closed form;
- average: by mean rank on the other tasks;
- portfolio: greedily, the next one lowers the mean over tasks of the best rank so far most (PoSH, auto-sklearn 2.0);
- oracle: the order of the other task whose losses correlate most (Spearman) with the losses to be predicted. It looks
  at the answer, so it bounds the gain from perfect knowledge of task similarity.

The portfolio minus the oracle, with its standard error over tasks, bounds the gain from meta-features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from foretune.errors import MetaDatasetError
from foretune.metadata.common import LEAST_CONFIGURATIONS, Losses, common_losses, relative_to_width
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.noise import seed_noise
from foretune.metadata.orders import Order, average_order, portfolio_order
from foretune.metadata.ranking import ranking_tasks
from foretune.metadata.ranks import rank_rows, spearman
from foretune.metadata.summary import overfitted_share
from foretune.types import Configuration

RUNS = (1, 2, 3, 5)
"""Budgets, in full runs."""
METHODS = ("random", "average", "portfolio", "oracle")
LeaveOut = Literal["task", "family", "model"]


@dataclass(frozen=True)
class Gate:
    """Result of the gate.

    Attributes:
        tasks: M names.
        configurations: C configurations that all these tasks share.
        left_out: tasks that rank configurations, but lack some of these.
        regrets: method -> (M, 4) regret of each task after 1, 2, 3 and 5 full runs.
        units: (M,) a regret of 1 in standard deviations over seeds; NaN where the noise is not known.
        correlation: mean Spearman correlation of the losses between two tasks.
        top_correlation: the same over the half of the configurations that is better on average.
        overfitted: share of complete runs that end more than 2 % above their best loss.
        default_rank: mean rank of the default configuration (1 is best), None where it is not known.
    """

    tasks: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    left_out: tuple[str, ...]
    regrets: Mapping[str, Float[np.ndarray, "M 4"]]
    units: Float[np.ndarray, " M"]
    correlation: float
    top_correlation: float
    overfitted: float
    default_rank: float | None

    def gap(self) -> list[tuple[float, float]]:
        """Mean and standard error over tasks of portfolio minus oracle, for each budget."""
        return mean_and_error(self._gaps)

    def gap_in_noise(self) -> list[tuple[float, float]]:
        """The same in standard deviations over seeds, over the tasks whose noise is known."""
        known = np.isfinite(self.units)
        return mean_and_error(self._gaps[known] * self.units[known, None])

    def passes(self) -> list[bool]:
        """Whether the gap is more than two standard errors for each budget, whichever two tasks are left out."""
        count = len(self.tasks)
        pairs = [(i, j) for i in range(count) for j in range(i)] if count > LEAST_CONFIGURATIONS + 1 else []
        kept = [np.ones(count, dtype=bool), *(~np.isin(np.arange(count), pair) for pair in pairs)]
        parts = [mean_and_error(self._gaps[rows]) for rows in kept]
        return [all(part[at][0] > 2 * part[at][1] for part in parts) for at in range(len(RUNS))]

    @property
    def _gaps(self) -> Float[np.ndarray, "M 4"]:
        return self.regrets["portfolio"] - self.regrets["oracle"]


def gate(meta: MetaDataset, *, leave_out: LeaveOut = "task") -> Gate:
    """Measure the gate of a meta-dataset.

    Args:
        meta: with some configurations that were run on all tasks; where there are several seeds, the first counts.
        leave_out: knowledge that is kept from the methods: the task alone, its whole family, or all tasks of its base
            model.

    Raises:
        MetaDatasetError: if it has fewer than 3 tasks with runs, or fewer than 3 configurations in common.
    """
    losses, tasks, configurations = common_losses(meta)
    columns = {"family": meta.families, "model": meta.models}
    groups = [columns[leave_out][task] if leave_out in columns else task for task in tasks]
    regrets = {name: np.empty((len(tasks), len(RUNS))) for name in METHODS}
    for row, group in enumerate(groups):
        others = losses[[other != group for other in groups]]
        if not len(others):
            message = f"all tasks are of the {leave_out} {group!r}, so nothing is left to learn from; leave out tasks"
            raise MetaDatasetError(message)
        for name, values in _regrets(losses[row], others).items():
            regrets[name][row] = values
    ranks = rank_rows(losses)
    top = np.argsort(ranks.mean(axis=0), kind="stable")[: max(len(configurations) // 2, LEAST_CONFIGURATIONS)]
    return Gate(
        tasks=tasks,
        configurations=configurations,
        left_out=tuple(task for task in ranking_tasks(meta) if task not in tasks),
        regrets=regrets,
        units=np.array([_spread(row) for row in losses]) / _noise(meta, tasks),
        correlation=_mean_correlation(ranks),
        top_correlation=_mean_correlation(rank_rows(losses[:, top])),
        overfitted=overfitted_share(meta) or 0.0,
        default_rank=_default_rank(meta, tasks, configurations, ranks),
    )


def mean_and_error(values: Float[np.ndarray, "M k"]) -> list[tuple[float, float]]:
    """Mean over the rows of each column, and the standard error of that mean."""
    errors = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return [(float(mean), float(error)) for mean, error in zip(values.mean(axis=0), errors, strict=True)]


def oracle_order(target: Float[np.ndarray, " C"], losses: Losses) -> Order:
    """The order of the task whose losses correlate most with `target`."""
    correlations = [spearman(target, row) for row in losses]
    return np.argsort(losses[int(np.argmax(correlations))], kind="stable")


def random_regrets(regrets: Float[np.ndarray, " C"]) -> Float[np.ndarray, " C"]:
    """Expected smallest regret of k = 1..C configurations drawn without replacement.

    With r_1 <= ... <= r_C and S_i(k) = binom(C - i, k) / binom(C, k), the chance that none of the first i is drawn,
    E[min] = sum_i r_i (S_{i-1}(k) - S_i(k)).
    """
    ordered, count = np.sort(regrets), len(regrets)
    expected = np.empty(count)
    for k in range(1, count + 1):
        ratios = np.array([(count - i - k) / (count - i) for i in range(count)])
        survival = np.concatenate([[1.0], np.cumprod(np.maximum(ratios, 0.0))])
        chance = survival[:-1] - survival[1:]
        expected[k - 1] = (chance[chance > 0] * ordered[chance > 0]).sum()
    return expected


def _regrets(target: Float[np.ndarray, " C"], others: Losses) -> dict[str, Float[np.ndarray, " k"]]:
    regrets, quantiles = _normalised(target), (rank_rows(others) - 0.5) / len(target)
    at = np.minimum(RUNS, len(target)) - 1
    orders: dict[str, Callable[[], Order]] = {
        "average": lambda: average_order(quantiles),
        "portfolio": lambda: portfolio_order(quantiles),
        "oracle": lambda: oracle_order(target, others),
    }
    found = {name: np.minimum.accumulate(regrets[order()])[at] for name, order in orders.items()}
    return {"random": random_regrets(regrets)[at], **found}


def _normalised(losses: Float[np.ndarray, " C"]) -> Float[np.ndarray, " C"]:
    """Regret of each configuration; a run without a loss counts as the worst run with a loss."""
    finite, spread = _finite(losses), _spread(losses)
    return (finite - finite.min()) / spread if spread > 0 else np.zeros(len(losses))


def _finite(losses: Float[np.ndarray, " C"]) -> Float[np.ndarray, " C"]:
    return np.where(np.isfinite(losses), losses, losses[np.isfinite(losses)].max(initial=-np.inf))


def _spread(losses: Float[np.ndarray, " C"]) -> float:
    """Median minus best: a regret of 1."""
    finite = _finite(losses)
    return float(np.median(finite) - finite.min())


def _noise(meta: MetaDataset, tasks: Sequence[str]) -> Float[np.ndarray, " M"]:
    known = seed_noise(meta)
    return np.array([known[task] or np.nan for task in tasks])


def _mean_correlation(ranks: Float[np.ndarray, "M C"]) -> float:
    pairs = [spearman(ranks[i], ranks[j]) for i in range(len(ranks)) for j in range(i)]
    return float(np.mean(pairs))


def _default_rank(
    meta: MetaDataset, tasks: tuple[str, ...], common: tuple[Configuration, ...], ranks: Losses
) -> float | None:
    known = {task: default for task in tasks if (default := meta.default(task))}
    relative = {task: relative_to_width(default, meta.widths[task]) for task, default in known.items()}
    places = {configuration: place for place, configuration in enumerate(common)}
    rows = zip(tasks, ranks, strict=True)
    found = [row[places[relative[task]]] for task, row in rows if relative.get(task) in places]
    return float(np.mean(found)) if found else None
