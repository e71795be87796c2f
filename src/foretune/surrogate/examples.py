"""Recorded runs and the examples that surrogates learn from.

One run with a curve of 8 slices gives 36 examples: every prefix of s slices, s = 0 ... 7, with every later fidelity f >
s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from foretune.metadata import MetaDataset
from foretune.metadata.schema import STOPPED
from foretune.space import Encoder
from foretune.surrogate.inputs import SLICES, link_of, raw_rows
from foretune.types import Configuration, LearningCurve, Status, Task

_LEARNED_FROM = (Status.OK, Status.DIVERGED, STOPPED)
_PAIRS = np.array([(seen, fidelity) for seen in range(SLICES) for fidelity in range(seen + 1, SLICES + 1)])


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
        return link_of(self.task).gains(self.curve.scores)


@dataclass(frozen=True)
class Examples:
    """Many examples of many tasks, before standardization.

    Attributes:
        rows: (E, D) see `foretune.surrogate.inputs`.
        seen: (E,) slices the prefix has.
        fidelity: (E,) slices asked for.
        before: (E,) gain at the end of the prefix, 0 if it is empty.
        after: (E,) gain at the fidelity asked for.
        task: (E,) index into `tasks`.
        tasks: the tasks.
    """

    rows: np.ndarray
    seen: Int[np.ndarray, " e"]
    fidelity: Int[np.ndarray, " e"]
    before: Float[np.ndarray, " e"]
    after: Float[np.ndarray, " e"]
    task: Int[np.ndarray, " e"]
    tasks: tuple[Task, ...]


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


def make_examples(runs: Sequence[Run], encoder: Encoder, feature_names: Sequence[str]) -> Examples:
    """Every (prefix, fidelity) of every run. A diverged run keeps the worst gain seen on its task after its end."""
    parts = [
        _examples_of_task(index, group, encoder, feature_names) for index, group in enumerate(by_task(runs).values())
    ]
    rows, seen, fidelity, before, after, task = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    tasks = tuple(group[0].task for group in by_task(runs).values())
    return Examples(rows, seen, fidelity, before, after, task, tasks)


def _examples_of_task(
    index: int, runs: Sequence[Run], encoder: Encoder, feature_names: Sequence[str]
) -> tuple[np.ndarray, ...]:
    worst = min([0.0, *(float(run.gains.min()) for run in runs if len(run.gains))])
    pairs = [_pairs(run) for run in runs]
    padded = [np.append(run.gains, np.full(SLICES - len(run.gains), worst)) for run in runs]
    seen, fidelity = np.concatenate(pairs).T
    before = np.concatenate([np.append(0.0, gains)[pair[:, 0]] for gains, pair in zip(padded, pairs, strict=True)])
    after = np.concatenate([gains[pair[:, 1] - 1] for gains, pair in zip(padded, pairs, strict=True)])
    configurations = [run.configuration for run, pair in zip(runs, pairs, strict=True) for _ in pair]
    prefixes = [run.gains[:stop] for run, pair in zip(runs, pairs, strict=True) for stop in pair[:, 0]]
    rows = raw_rows(encoder, feature_names, runs[0].task, configurations, prefixes, fidelity)
    return rows, seen, fidelity, before, after, np.full(len(rows), index)


def _pairs(run: Run) -> Int[np.ndarray, "p 2"]:
    """The (prefix, fidelity) that a run has an answer to: what came after the end of a stopped run is not known."""
    last = SLICES if run.diverged else len(run.gains)
    return _PAIRS[(_PAIRS[:, 0] <= len(run.gains)) & (_PAIRS[:, 1] <= last)]


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
