"""A meta-dataset in memory: recorded finetuning runs on many tasks, checked at birth."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata.check import check_tables
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Metric, Task, Value


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
        return self.facts("family")

    @cached_property
    def models(self) -> Mapping[str, str]:
        """Task -> base model."""
        return self.facts("model")

    @cached_property
    def widths(self) -> Mapping[str, int | None]:
        """Task -> hidden size of its base model, None where the table does not say."""
        name = FEATURE_PREFIX + "model_log_width"
        logs = self.facts(name) if name in self.tasks else {}
        known = {task: value for task, value in logs.items() if not pd.isna(value)}
        return {task: round(10 ** known[task]) if task in known else None for task in self.task_ids}

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Task -> the metric that judges its runs."""
        columns = zip(self.tasks["task"], self.tasks["metric"], self.tasks["direction"], strict=True)
        return {task: _metric(name, direction) for task, name, direction in columns}

    def default(self, task: str) -> Configuration | None:
        """The configuration that somebody without this library would have taken, as far as the table knows it."""
        values = self.provenance.get("defaults", {}).get(self.models[task])
        return Configuration(values) if values else None

    def facts(self, column: str) -> dict[str, Any]:
        """Task -> its value in a column of the table of tasks."""
        return dict(zip(self.tasks["task"], self.tasks[column], strict=True))

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
        task_of = dict(zip(self.runs["run"], self.runs["task"], strict=True))
        signs = {task: metric.score(1.0) for task, metric in self.metrics.items()}
        scores = (curves["validation_value"] * [signs[task_of[run]] for run in curves["run"]]).to_numpy()
        places = curves.groupby("run").indices
        return {str(run): LearningCurve(scores[rows], seconds[rows]) for run, rows in places.items()}

    def task(self, task: str) -> Task:
        """The task of that name, with its known meta-features.

        Raises:
            MetaDatasetError: if there is none.
        """
        if task not in self._tasks:
            raise MetaDatasetError(f"no task {task!r} in this meta-dataset; it has {', '.join(self.task_ids)}")
        return self._tasks[task]

    @cached_property
    def _tasks(self) -> Mapping[str, Task]:
        features = [name for name in self.tasks.columns if name.startswith(FEATURE_PREFIX)]
        return {row["task"]: self._task(row, features) for row in self.tasks.to_dict("records")}

    def _task(self, row: Mapping[Hashable, Any], features: Sequence[str]) -> Task:
        return Task(
            row["task"],
            self.metrics[row["task"]],
            {name.removeprefix(FEATURE_PREFIX): float(row[name]) for name in features if not pd.isna(row[name])},
            int(row["max_fidelity"]),
            dataset=str(row["dataset"]),
            rows=None if pd.isna(row["n_train"]) else int(row["n_train"]),
            model=self.models[row["task"]],
        )

    def runs_of(self, task: str) -> tuple[str, ...]:
        """The runs of a task, in the order of the table."""
        return self._runs_by_task.get(task, ())

    @cached_property
    def _runs_by_task(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for run, task in zip(self.runs["run"], self.runs["task"], strict=True):
            found.setdefault(task, []).append(run)
        return {task: tuple(runs) for task, runs in found.items()}

    def curve(self, run: str) -> LearningCurve:
        """Validation scores and seconds of a run; empty if it ended before its first slice.

        Raises:
            MetaDatasetError: if no run has this name.
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


def _metric(name: str, direction: str) -> Metric:
    return VALIDATION_NLL if name == VALIDATION_NLL.name else Metric(name, direction == "maximize")


def _rows_with(frame: pd.DataFrame, column: str, wanted: Collection[str]) -> pd.DataFrame:
    return frame.loc[[value in wanted for value in frame[column]], :]


def _configuration(names: list[str], row: tuple[Any, ...]) -> Configuration:
    values: dict[str, Value] = {name: value for name, value in zip(names, row, strict=True) if not pd.isna(value)}
    return Configuration(values)
