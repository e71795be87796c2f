"""What a search has trained, as a meta-dataset: appended to a team's, each search makes the next one better.

A run that the search gave up before its last slice is `stopped`; surrogates learn from it as far as it went.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foretune.errors import JournalError, MetaDatasetError
from foretune.execution.jobs import read_records
from foretune.journal import Journal, read_journal
from foretune.metadata import MetaDataset, read_meta_dataset, write_meta_dataset
from foretune.metadata.frames import frame_to_rows
from foretune.metadata.log import RUNS_LOG
from foretune.metadata.merge import MergePart, merge
from foretune.metadata.rows import assemble, run_row, slice_rows, zero_shot_columns
from foretune.metadata.schema import FEATURE_PREFIX, STOPPED
from foretune.metadata.source import task_id
from foretune.types import CONTINUES, VALIDATION_NLL, Report, Status


def meta_dataset_of_search(
    journal: Path, trials: Path, *, dataset: str, family: str, default: Mapping[str, Any]
) -> MetaDataset:
    """The runs of a search as a meta-dataset of one task.

    Args:
        journal: of the search.
        trials: folder with one folder for each configuration key, which hold the slices.
        dataset: name of what was finetuned on.
        family: kind of dataset.
        default: values of the default configuration.

    Raises:
        JournalError: if the journal is none of a search, or slices that it tells of are gone.
    """
    record = read_journal(journal)
    if not {"task", "zero_shot", "settings", "rows"} <= record.header.keys():
        message = f"{journal} does not say what its search was on; only searches of this version can be learned from"
        raise JournalError(message)
    task = _task_row(record, dataset, family)
    last = {
        report.trial.configuration.key: report
        for report in record.history
        if CONTINUES not in report.trial.configuration.values  # what such a run scores is not its configuration's alone
    }
    runs, curves = list[dict[str, Any]](), list[dict[str, Any]]()
    for key, report in last.items():
        slices, known = read_records(trials / key, len(report.curve))
        if len(slices) < len(report.curve):
            message = f"{trials / key} has {len(slices)} of the {len(report.curve)} slices in {journal}; it was changed"
            raise JournalError(message)
        seed = int(record.header["settings"]["seed"])
        name = f"{task['task']}/{key}/{seed}"
        status = _status(report, task["max_fidelity"])
        message = report.message or ("the search went on with others" if status == STOPPED else "")
        runs.append(
            run_row(
                name,
                task["task"],
                seed=seed,
                status=status,
                message=message,
                configuration=report.trial.configuration,
                known=known,
            )
        )
        curves += [{"run": name, **one} for one in slice_rows(slices)]
    tables = {"tasks": [task], "runs": runs, "curves": curves}
    provenance = {"how": "runs of a search by `foretune tune`", "defaults": {task["model"]: dict(default)}}
    return assemble(tables, provenance)


def _status(report: Report, max_fidelity: int) -> str:
    partial = report.status is Status.OK and len(report.curve) < max_fidelity
    return STOPPED if partial else str(report.status)


def _task_row(record: Journal, dataset: str, family: str) -> dict[str, Any]:
    header = record.header
    return {
        "task": header["task"]["id"],
        "dataset": dataset,
        "model": Path(header["settings"]["model"]).name,
        "family": family,
        "source": "private",
        "license": "unknown",
        "metric": VALIDATION_NLL.name,
        "direction": "minimize",
        "cost_unit": "seconds",
        **{f"n_{split}": count for split, count in header["rows"].items()},
        "max_fidelity": header["task"]["max_fidelity"],
        **zero_shot_columns(header["zero_shot"]),
        **{FEATURE_PREFIX + name: value for name, value in header["task"]["meta_features"].items()},
    }


def learn_into(folder: Path, found: MetaDataset) -> MetaDataset:
    """Append the runs of a search to the meta-dataset in a folder, which is made if there is none.

    A run that is there already, from before the search was resumed, is replaced. Where an earlier task of the same
    name was on other data, the new one's dataset gets a number behind its name.

    Args:
        folder: of a team's meta-dataset; two searches that end at the same time wait for each other.
        found: what a search has trained, see `meta_dataset_of_search`.

    Returns:
        All that the folder holds now.

    Raises:
        MetaDatasetError: if the folder holds something else, or a collection under way.
    """
    if (folder / RUNS_LOG).exists():
        message = f"{folder} is a collection under way; give another folder, and join them by `foretune metadata merge`"
        raise MetaDatasetError(message)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        whole = found
        if (folder / "metadata.json").exists():
            known = read_meta_dataset(folder)
            new = _named_apart(known, found)
            before = _without(known, set(new.runs["run"]))
            whole = merge([MergePart(folder.name, before), MergePart(new.task_ids[0], new)]).meta
        write_meta_dataset(whole, folder)
    return whole


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold the folder against other processes; a killed one lets go."""
    with (folder / ".lock").open("w") as file:
        if os.name == "posix":  # elsewhere the checksums in metadata.json tell at least that something was lost
            fcntl = importlib.import_module("fcntl")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _without(meta: MetaDataset, names: Collection[str]) -> MetaDataset:
    """All but these runs."""
    runs = meta.runs.loc[[run not in names for run in meta.runs["run"]], :]
    curves = meta.curves.loc[[run not in names for run in meta.curves["run"]], :]
    return MetaDataset(meta.tasks, runs, curves, meta.provenance)


def _named_apart(known: MetaDataset, found: MetaDataset) -> MetaDataset:
    """`found` with a name of its own, unless the task of that name in `known` is on the same data."""
    row, rows = frame_to_rows(found.tasks)[0], {one["task"]: one for one in frame_to_rows(known.tasks)}
    facts = ["model", "n_train", "n_validation", "zero_shot_validation_value"]
    dataset, number = row["dataset"], 1
    while True:
        name = dataset if number == 1 else f"{dataset}-{number}"
        task = task_id(name, int(row["n_train"]), row["model"])
        earlier = rows.get(task)
        if earlier is None or all(earlier.get(fact) == row.get(fact) for fact in facts):
            return _renamed(found, name, task)
        number += 1


def _renamed(found: MetaDataset, dataset: str, task: str) -> MetaDataset:
    before = f"{found.task_ids[0]}/"
    names = {run: f"{task}/{run.removeprefix(before)}" for run in found.runs["run"]}
    tasks = [{**row, "task": task, "dataset": dataset} for row in frame_to_rows(found.tasks)]
    runs = [{**row, "task": task, "run": names[row["run"]]} for row in frame_to_rows(found.runs)]
    curves = [{**row, "run": names[row["run"]]} for row in frame_to_rows(found.curves)]
    tables = {"tasks": tasks, "runs": runs, "curves": curves}
    return assemble(tables, found.provenance)
