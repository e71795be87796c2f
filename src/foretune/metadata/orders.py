"""Orders of configurations that follow from recorded runs: by mean rank, as a greedy portfolio, or of a single task.

The pools of tasks may overlap only in part and be of different size, so the unit is the rank of a configuration as a
quantile of its task's pool: (rank - 1/2) / pool size, which is close to 0 for the best and to 1 for the worst. Equal
losses share their mean rank; a run without a slice is the worst. A mean over n tasks is drawn to the middle as one more
task with a quantile of 1/2 would draw it,

    (sum of quantiles + 1/2) / (n + 1),

so that a success on a single task does not come before a success on twenty. Where every configuration was run on every
task, that changes no order, and the orders are those of `foretune.metadata.gate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.metadata.common import best_losses, relative_to_width
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.ranks import rank_rows
from foretune.types import Configuration

_TYPICAL = 2.0
"""Mean squared difference of a standardized meta-feature between two tasks drawn at random."""

Quantiles = Float[np.ndarray, "M C"]
Order = Int[np.ndarray, " C"]


@dataclass(frozen=True)
class Ranks:
    """How configurations ranked on the tasks of a meta-dataset.

    Attributes:
        tasks: (M,) names of tasks with runs.
        places: configuration, relative to the width of the base model -> column.
        quantiles: (M, C) NaN where a configuration was not run.
        costs: (C,) of a complete run, as a share of the task's mean complete run, on average over tasks; 1 where none
            was complete.
    """

    tasks: tuple[str, ...]
    places: Mapping[Configuration, int]
    quantiles: Quantiles
    costs: np.ndarray

    def costs_of(self, candidates: Sequence[Configuration]) -> Float[np.ndarray, " c"]:
        """The costs of these candidates (relative to width), 1 for one that was run nowhere."""
        return np.array([self.costs[self.places[one]] if one in self.places else 1.0 for one in candidates])

    def of(self, candidates: Sequence[Configuration]) -> Quantiles:
        """The columns of these candidates (relative to width), all NaN for one that was run nowhere."""
        found = np.full((len(self.tasks), len(candidates)), np.nan)
        for column, candidate in enumerate(candidates):
            if candidate in self.places:
                found[:, column] = self.quantiles[:, self.places[candidate]]
        return found


def ranks_of(meta: MetaDataset) -> Ranks:
    """Ranks by the best validation loss of each run; of repeated runs of a configuration the first counts."""
    losses = best_losses(meta)
    tasks = tuple(task for task in meta.task_ids if task in losses)
    places: dict[Configuration, int] = {}
    for task in tasks:
        for configuration in losses[task]:
            places.setdefault(configuration, len(places))
    quantiles = np.full((len(tasks), len(places)), np.nan)
    for row, task in enumerate(tasks):
        columns = [places[configuration] for configuration in losses[task]]
        quantiles[row, columns] = (rank_rows(np.array([list(losses[task].values())]))[0] - 0.5) / len(columns)
    return Ranks(tasks, places, quantiles, _costs(meta, places))


def _costs(meta: MetaDataset, places: Mapping[Configuration, int]) -> Float[np.ndarray, " C"]:
    seconds: dict[str, dict[int, float]] = {}
    for run, task in zip(meta.runs["run"], meta.runs["task"], strict=True):
        curve = meta.curve(run)
        if len(curve) == meta.task(task).max_fidelity:
            place = places[relative_to_width(meta.configurations[run], meta.widths[task])]
            seconds.setdefault(task, {}).setdefault(place, float(curve.seconds.sum()))
    shares: list[list[float]] = [[] for _ in places]
    for taken in seconds.values():
        for place, value in taken.items():
            shares[place].append(value / float(np.mean(list(taken.values()))))
    return np.array([float(np.mean(found)) if found else 1.0 for found in shares])


def average_order(quantiles: Quantiles) -> Order:
    """Columns by their mean quantile; configurations without a run are left out."""
    means = _means(quantiles)
    order = np.argsort(means, kind="stable")
    return order[_known(quantiles)[order]]


def portfolio_order(
    quantiles: Quantiles,
    *,
    costs: Float[np.ndarray, " C"] | None = None,
    begun: Sequence[int] = (),
) -> Order:
    """Columns in greedy order: each next one lowers the mean over tasks of the best quantile so far most.

    The rule of PoSH (auto-sklearn 2.0, Feurer et al., 2022). Where a configuration was not run, its mean stands in; a
    tie goes to the better one on average. Columns that were run nowhere are left out.

    Args:
        quantiles: M x C.
        costs: of a run; the reduction is divided by them. Before anything is run, the best quantile is 1.
        begun: columns that are run in any case, before the others.
    """
    means = _means(quantiles)
    filled = np.where(np.isnan(quantiles), means, quantiles)
    prices = np.ones(quantiles.shape[1]) if costs is None else costs
    known = np.flatnonzero(_known(quantiles))
    order = [column for column in dict.fromkeys(begun) if column in known]
    best = filled[:, order].min(axis=1, initial=1.0)
    left = known[~np.isin(known, order)]
    while len(left):
        gained = np.maximum(best[:, None] - filled[:, left], 0.0).mean(axis=0) / prices[left]
        pick = int(left[np.lexsort((means[left], -gained.round(12)))[0]])
        best = np.minimum(best, filled[:, pick])
        left = left[left != pick]
        order.append(pick)
    return np.array(order, dtype=np.intp)


def nearest_order(quantiles: Quantiles, distances: Float[np.ndarray, " M"]) -> Order:
    """Columns in the order of the nearest task that has any of them, then the others by their mean quantile."""
    has_any = ~np.isnan(quantiles).all(axis=1)
    if not has_any.any():
        return np.array([], dtype=np.intp)
    nearest = quantiles[int(np.argmin(np.where(has_any, distances, np.inf)))]
    order = np.argsort(nearest, kind="stable")[: int((~np.isnan(nearest)).sum())]  # NaN is sorted last
    others = average_order(quantiles)
    return np.concatenate([order, others[~np.isin(others, order)]])


def feature_distances(target: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> Float[np.ndarray, " M"]:
    """Euclidean distances of a task's meta-features to those of other tasks, standardized by the other tasks.

    Only meta-features that half of them or more have and that differ among the others count. An unknown meta-feature
    counts as far off as those of two random tasks.
    """
    names = sorted(name for name in target if 2 * sum(name in features for features in others) >= len(others))
    table = np.array([[features.get(name, np.nan) for name in names] for features in others])
    table = table.reshape(len(others), len(names))
    spread = np.nanstd(table, axis=0)
    varies = spread > 1e-9
    apart = ((np.array([target[name] for name in names]) - table)[:, varies] / spread[varies]) ** 2
    return np.sqrt(np.where(np.isnan(apart), _TYPICAL, apart).sum(axis=1))


def _known(quantiles: Quantiles) -> np.ndarray:
    return np.isfinite(quantiles).sum(axis=0) > 0


def _means(quantiles: Quantiles) -> Float[np.ndarray, " C"]:
    means = (np.nansum(quantiles, axis=0) + 0.5) / ((~np.isnan(quantiles)).sum(axis=0) + 1)
    return means.round(12)  # values that are equal but for rounding stay in the order of the table
