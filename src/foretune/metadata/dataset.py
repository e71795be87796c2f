"""A meta-dataset in memory: recorded finetuning runs on many tasks, checked at birth."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata.check import check_tables
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Task, Value


@dataclass(frozen=True, eq=False)
class MetaDataset:
    """Three tables (see `foretune.metadata.schema`) that fit together.

    The frames are not to be changed; `select` makes smaller ones.

    Attributes:
        tasks: one row a task.
        runs: one row a run.
        curves: one row a slice of a run, slices of a run in order.
        provenance: how it was made, by which command, with what.
    """

    tasks: pd.DataFrame
    runs: pd.DataFrame
    curves: pd.DataFrame
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("tasks", "runs", "curves"):
            object.__setattr__(self, name, getattr(self, name).reset_index(drop=True))
        check_tables({"tasks": self.tasks, "runs": self.runs, "curves": self.curves})

    @property
    def task_ids(self) -> tuple[str, ...]:
        """All tasks, in the order of the table."""
        return tuple(self.tasks["task"])

    @cached_property
    def families(self) -> Mapping[str, str]:
        """Task -> family."""
        return dict(zip(self.tasks["task"], self.tasks["family"], strict=True))

    @cached_property
    def configurations(self) -> Mapping[str, Configuration]:
        """Run -> configuration, with the hyperparameters that it has."""
        names = [name for name in self.runs.columns if name.startswith(CONFIGURATION_PREFIX)]
        plain = [name.removeprefix(CONFIGURATION_PREFIX) for name in names]
        columns = [self.runs[name].astype(object).tolist() for name in names]
        rows: Iterator[tuple[Any, ...]] = zip(*columns, strict=True)
        return {run: _configuration(plain, row) for run, row in zip(self.runs["run"], rows, strict=True)}

    @cached_property
    def _learning_curves(self) -> Mapping[str, LearningCurve]:
        curves = self.curves
        seconds = (curves["train_seconds"] + curves["evaluation_seconds"]).to_numpy()
        scores = curves["validation_nll"].map(VALIDATION_NLL.score).to_numpy()
        places = curves.groupby("run").indices
        return {str(run): LearningCurve(scores[rows], seconds[rows]) for run, rows in places.items()}

    def task(self, task: str) -> Task:
        """The task of that name, with its meta-features.

        Raises:
            MetaDatasetError: if there is none.
        """
        rows = self.tasks[self.tasks["task"] == task]
        if rows.empty:
            message = f"no task {task!r} in this meta-dataset; it has {', '.join(self.task_ids)}"
            raise MetaDatasetError(message)
        row = rows.iloc[0]
        names = [name for name in rows.columns if name.startswith(FEATURE_PREFIX)]
        features = {name.removeprefix(FEATURE_PREFIX): float(row[name]) for name in names}
        return Task(task, VALIDATION_NLL, features, int(row["max_fidelity"]))

    def runs_of(self, task: str) -> tuple[str, ...]:
        """The runs of a task, in the order of the table."""
        return tuple(self.runs.loc[self.runs["task"] == task, "run"])

    def curve(self, run: str) -> LearningCurve:
        """Validation scores and seconds of a run; empty if it ended before its first slice.

        Raises:
            MetaDatasetError: if there is no such run.
        """
        if run not in self.configurations:
            message = f"no run {run!r} in this meta-dataset of {len(self.runs)} runs; take a name from runs.parquet"
            raise MetaDatasetError(message)
        return self._learning_curves.get(run, LearningCurve())

    def select(self, tasks: Collection[str]) -> MetaDataset:
        """The part that belongs to these tasks.

        Raises:
            MetaDatasetError: if one of them is not in the table.
        """
        if unknown := sorted(set(tasks) - set(self.task_ids)):
            message = f"no task {', '.join(unknown)} in this meta-dataset; it has {', '.join(self.task_ids)}"
            raise MetaDatasetError(message)
        runs = _rows_with(self.runs, "task", tasks)
        curves = _rows_with(self.curves, "run", set(runs["run"]))
        return MetaDataset(_rows_with(self.tasks, "task", tasks), runs, curves, self.provenance)


def _rows_with(frame: pd.DataFrame, column: str, wanted: Collection[str]) -> pd.DataFrame:
    return frame.loc[[value in wanted for value in frame[column]], :]


def _configuration(names: list[str], row: tuple[Any, ...]) -> Configuration:
    values: dict[str, Value] = {name: value for name, value in zip(names, row, strict=True) if not pd.isna(value)}
    return Configuration(values)
