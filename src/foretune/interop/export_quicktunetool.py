"""Tables for the predictors of quicktunetool: `config.csv`, `meta.csv`, `curve.csv` and `cost.csv`, one row a run each.

Its curves are scores of which more is better and its search starts from 0, so a negative log-likelihood is exported as
exp(-nll), the geometric mean of the probability of a completion token: from 0 to 1, and in the same order. Other
metrics to minimize are negated. The cost is the mean over a run's slices, because its search divides by the cost of a
further slice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX
from foretune.types import VALIDATION_NLL


def export_quicktunetool(meta: MetaDataset, folder: Path) -> list[str]:
    """Write the four files; their rows are named by run.

    Returns:
        Omissions.

    Raises:
        MetaDatasetError: if the tasks count their cost in different units, or no run has a slice.
    """
    if len(units := sorted(set(meta.tasks["cost_unit"]))) > 1:
        message = f"the tasks count their cost in {', '.join(units)}, which cannot be compared; choose some with --task"
        raise MetaDatasetError(message)
    named = meta.runs.set_index("run")
    names = [run for run in named.index if len(meta.curve(run))]
    if not names:
        raise MetaDatasetError("no run of these tasks has a slice; there is nothing that could be learned from")
    runs = named.loc[names]
    config = _without_prefix(runs, CONFIGURATION_PREFIX)
    features = _without_prefix(meta.tasks.set_index("task").loc[runs["task"]].set_index(runs.index), FEATURE_PREFIX)
    features.columns = [f"task_{name}" if name in config else name for name in features.columns]
    cost = pd.DataFrame({"cost": [float(meta.curve(run).seconds.mean()) for run in names]}, index=runs.index)
    for name, frame in {"config": config, "meta": features, "curve": _curves(meta, names), "cost": cost}.items():
        frame.to_csv(folder / f"{name}.csv")
    left_out = len(named) - len(names)
    return [f"{left_out} runs without a slice were left out"] if left_out else []


def _without_prefix(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    chosen = frame.loc[:, [str(name).startswith(prefix) for name in frame.columns]].copy()
    chosen.columns = [str(name).removeprefix(prefix) for name in chosen.columns]
    return chosen


def _curves(meta: MetaDataset, names: list[str]) -> pd.DataFrame:
    """Scores in columns 1 to T, empty after the end of a run."""
    tasks = dict(zip(meta.runs["run"], meta.runs["task"], strict=True))
    curves = np.full((len(names), max(meta.facts("max_fidelity").values())), np.nan)
    for row, run in enumerate(names):
        scores = meta.curve(run).scores
        ours = meta.metrics[tasks[run]].name == VALIDATION_NLL.name
        curves[row, : len(scores)] = np.exp(scores) if ours else scores
    return pd.DataFrame(curves, index=pd.Index(names, name="run"), columns=range(1, curves.shape[1] + 1))
