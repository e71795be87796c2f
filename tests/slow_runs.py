"""Runs that take their time and no library, for the tests of clusters: what a run comes to is known beforehand."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from foretune.execution.jobs import Answer, Job
from foretune.execution.on_ray import RayCluster, Share
from foretune.execution.several import Several
from foretune.execution.store import Store
from foretune.execution.subprocess import Subprocess
from foretune.optimizer.baselines import Ordered
from foretune.request import DataRequest
from foretune.tuner import Budget, Observer, TuningResult, tune
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

SECONDS = 0.2
SLICES = 4
CANDIDATES = [Configuration({"rank": rank}) for rank in range(1, 7)]


def curve_of(configuration: Configuration, fidelity: int) -> LearningCurve:
    rank = int(configuration.values["rank"])
    return LearningCurve([-abs(4.2 - rank) - 1.0 / each for each in range(1, fidelity + 1)], [SECONDS] * fidelity)


def run_job(job: Job) -> Answer:
    """Train the slices that the state lacks, and note each of them in a file of its own, whatever comes of it."""
    directory, trial = Path(job.directory), job.trial
    state = directory / "state" / "slices.json"
    done: int = json.loads(state.read_text()) if state.exists() else 0
    if done < trial.resumes_from:
        raise AssertionError(f"{trial} found {done} slices")
    for slice_number in range(done + 1, trial.fidelity + 1):
        time.sleep(SECONDS)
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps(slice_number))
        note = f"{trial.configuration.key}-{slice_number}-{os.getpid()}-{time.monotonic_ns()}"
        (Path(job.model) / note).write_text("")
    return Answer(Report(trial, Status.OK, curve_of(trial.configuration, trial.fidelity), "", SECONDS))


def search_on_ray(
    address: str, url: str, folder: str, workers: int = 3, observe: Observer | None = None
) -> TuningResult:
    """A search of all candidates on a cluster, as a program of its own can make it, too.

    Args:
        address: of the cluster.
        url: of the store.
        folder: of the journal, the runs, and the notes on slices.
        workers: trials at the same time.
        observe: the search.
    """
    home = Path(folder)
    template = Job(Trial(0, CANDIDATES[0], 1), str(home / "notes"), DataRequest("data"), "")
    with RayCluster(address, Store(url), Share(), run_job) as cluster:
        return tune(
            Ordered(Task("task", VALIDATION_NLL, {}, SLICES), CANDIDATES),
            Several([Subprocess(cluster, template, home / "trials")] * workers),
            budget=Budget(),
            journal=home / "journal.jsonl",
            observers=[] if observe is None else [observe],
            workers=workers,
        )
