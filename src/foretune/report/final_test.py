"""The test loss that searches of equal budget end with, from a comparison's results by task.

With t the mean over seeds of a method's test loss on a task, a method stands against the reference as

    exp(mean over tasks of log(t_method / t_reference)) - 1,

for losses of different tasks have different sizes. Below 0 the method is better.

Results are a frame as `foretune.report.peers` has it, with two more columns: `test`, the mean over seeds of the test
loss after the largest budget, and `test_deviation`, the standard deviation over seeds, NaN of one seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from foretune.benchmark.ranking import p_values
from foretune.benchmark.regret import interval, mean_ranks
from foretune.report.sheet import Sheet


def final_test_sheets(results: pd.DataFrame, reference: str) -> list[Sheet]:
    """All methods against the reference, and each method's loss on each task; none where a loss is missing."""
    if "test" not in results or reference not in set(results["method"]):
        return []
    methods = list(dict.fromkeys(results["method"]))
    losses = _by_task(results, "test", methods)
    return [_against_sheet(losses, methods, reference), _tasks_sheet(results, losses, methods)]


def _by_task(results: pd.DataFrame, column: str, methods: Sequence[str]) -> pd.DataFrame:
    """Tasks by methods, in the order of the results."""
    return results.pivot(index="task", columns="method", values=column).loc[results["task"].unique(), list(methods)]


def _against_sheet(losses: pd.DataFrame, methods: Sequence[str], reference: str) -> Sheet:
    logs: Float[np.ndarray, "M K"] = np.log(losses.to_numpy(dtype=float))
    own, others = logs[:, methods.index(reference)], [name for name in methods if name != reference]
    ranks = dict(zip(methods, mean_ranks(logs), strict=True))
    rest = logs[:, [methods.index(name) for name in others]]
    rows = [[reference, "0 %", "-", f"{ranks[reference]:.1f}", "-"]]
    for name, column, p in zip(others, rest.T, p_values(own, rest.T), strict=True):
        found, better, worse = interval(column - own), int((column < own).sum()), int((column > own).sum())
        share, low, high = (f"{np.expm1(one):+.1%}" for one in (found.mean, found.low, found.high))
        rows.append([name, f"{share} [{low}, {high}]", f"{better}/{worse}", f"{ranks[name]:.1f}", f"{p:.2g}"])
    note = (
        f"Geometric mean over {len(losses)} tasks of the ratio to {reference}, with its 95 % bootstrap interval; tasks "
        f"that are better and worse; average rank; p of Wilcoxon's signed-rank test of the logarithms, with Holm's "
        f"correction for {len(others)} methods. Below 0 is better than {reference}."
    )
    head = ["method", "test loss", "better/worse", "rank", "p"]
    return Sheet(f"Test loss at the end, against {reference}", note, head, rows, printed=True)


def _tasks_sheet(results: pd.DataFrame, losses: pd.DataFrame, methods: Sequence[str]) -> Sheet:
    deviations = _by_task(results, "test_deviation", methods).to_numpy(dtype=float)
    rows = [
        [str(task), *map(_cell, means, spreads)]
        for task, means, spreads in zip(losses.index, losses.to_numpy(dtype=float), deviations, strict=True)
    ]
    note = "Mean over seeds, and their standard deviation where there are several."
    return Sheet("Test loss at the end", note, ["task", *methods], rows)


def _cell(mean: float, deviation: float) -> str:
    return f"{mean:.3f}" if np.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"
