"""Recorded runs, which surrogates learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from foretune.metadata import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.surrogate.gains import gain_scale
from foretune.types import Configuration, LearningCurve, Status, Task

_LEARNED_FROM = (Status.OK, Status.DIVERGED, STOPPED)


@dataclass(frozen=True)
class Run:
    """One recorded finetuning run.

    Attributes:
        task: what was finetuned.
        family: of the dataset.
        configuration: with what.
        curve: scores after each slice; short if it diverged, or if a search stopped it.
        diverged: whether it did.
        train_seconds: (T,) of each slice.
        evaluation_seconds: (T,) of each slice.
        peak_memory_bytes: None where it was not recorded.
        model: base model.
        hardware: it ran on; empty where it was not recorded.
    """

    task: Task
    family: str
    configuration: Configuration
    curve: LearningCurve
    diverged: bool
    train_seconds: np.ndarray
    evaluation_seconds: np.ndarray
    peak_memory_bytes: int | None = None
    model: str = ""
    hardware: str = ""

    @cached_property
    def gains(self) -> Float[np.ndarray, " t"]:
        """The curve as relative improvement over zero-shot."""
        return gain_scale(self.task).gains(self.curve.scores)


def read_runs(meta_datasets: Sequence[MetaDataset]) -> list[Run]:
    """All runs that ended well or diverged; what the machine failed at says nothing about a configuration's score."""
    return [run for meta_dataset in meta_datasets for run in _runs_of(meta_dataset)]


def recorded_hardware(meta_dataset: MetaDataset) -> list[str]:
    """What each run of the table was on; empty where that is not known."""
    return meta_dataset.runs.reindex(columns=["hardware"])["hardware"].fillna("").astype(str).tolist()


def by_task(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs by the id of their task, in order of appearance."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.task.id, []).append(run)
    return groups


def _runs_of(meta_dataset: MetaDataset) -> list[Run]:
    families = dict(zip(meta_dataset.tasks["task"], meta_dataset.tasks["family"], strict=True))
    tasks = {str(name): meta_dataset.task(str(name)) for name in meta_dataset.tasks["task"]}
    seconds = {
        str(run): (rows["train_seconds"].to_numpy(dtype=float), rows["evaluation_seconds"].to_numpy(dtype=float))
        for run, rows in meta_dataset.curves.sort_values(["run", "fidelity"]).groupby("run", sort=False)
    }
    nothing = (np.empty(0), np.empty(0))
    runs: list[Run] = []
    peaks = {str(run): int(peak) for run, peak in _recorded_peaks(meta_dataset)}
    machines = dict(zip(meta_dataset.runs["run"], recorded_hardware(meta_dataset), strict=True))
    for run, task, status in meta_dataset.runs[["run", "task", "status"]].itertuples(index=False, name=None):
        if status in _LEARNED_FROM:
            train, evaluation = seconds.get(run, nothing)
            configuration = meta_dataset.configurations[run]
            curve, diverged = meta_dataset.curve(run), status == Status.DIVERGED
            if diverged or len(curve):
                about = tasks[task], families[task], configuration
                model = meta_dataset.models[task]
                runs.append(Run(*about, curve, diverged, train, evaluation, peaks.get(run), model, machines[run]))
    return runs


def _recorded_peaks(meta_dataset: MetaDataset) -> Iterator[tuple[object, Any]]:
    known = meta_dataset.runs.reindex(columns=["run", "peak_memory_bytes"]).dropna()
    return zip(known["run"], known["peak_memory_bytes"], strict=True)
