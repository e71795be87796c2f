"""Jobs as tasks of a Ray cluster: on whichever node has room, and again on another one where a node is lost.

A task brings the folder of its run from a store, trains a slice, and brings the folder back, slice by slice. So what
takes over from a lost node goes on from the last slice that is in the store.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from foretune.errors import ConfigurationError, ForetuneError
from foretune.execution.jobs import Answer, Job, answer_from_json, answer_to_json, job_from_json, job_to_json
from foretune.execution.store import Store
from foretune.execution.subprocess import GRACE_SECONDS, answer_for_the_dead
from foretune.interop.optional import library
from foretune.request import DataRequest
from foretune.types import CONTINUES, LearningCurve, Report, Status

RETRIES = 8
"""Of a task whose node or process is lost."""
_LOOK_SECONDS = 0.2
"""Between two looks at whether a task is to be ended."""
_REACH_SECONDS = 10.0
_DATA = ".data"

RunJob = Callable[[Job], Answer]


@dataclass(frozen=True)
class Share:
    """Of a node, what a task takes.

    Attributes:
        cpus: how many.
        gpus: how many; a part of one is legal.
    """

    cpus: float = 1.0
    gpus: float = 0.0


class RayCluster:
    """Runs jobs on a Ray cluster; several threads may do so at the same time.

    A context manager: entering it connects, leaving it ends the tasks under way and the connection.
    """

    def __init__(self, address: str, store: Store, share: Share, run: RunJob | None = None) -> None:
        """Remember what to connect to.

        Args:
            address: of the cluster, as `ray.init` takes it; empty for the one that this machine is part of or, if there
                is none, one of this machine alone.
            store: of the folders of runs, which all nodes reach.
            share: what a task takes of its node.
            run: does a job on a node; by default it finetunes.
        """
        self._address, self._store, self._share, self._run = address, store, share, run
        self._pushed: set[str] = set()
        self._ray: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            InteropError: Ray is not installed.
            ConfigurationError: there is no cluster at the address, or the store cannot be written to.
        """
        self._ray = library("ray", "ray")
        self._store.check()
        try:
            _reach(self._address)  # Ray would try for minutes
            self._ray.init(address=self._address or None, log_to_driver=False, logging_level=logging.WARNING)
        except (OSError, ValueError, RuntimeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ConfigurationError(
                f"no Ray cluster answers at {self._address!r} ({reason}); start one with `ray start --head`, or give "
                "ray:ADDRESS as `ray status` says it"
            ) from error
        options = {"num_cpus": self._share.cpus, "num_gpus": self._share.gpus, "max_retries": RETRIES}
        self._task = self._ray.remote(**options)(do_job)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def run(self, job: Job, stop: Callable[[], bool] = lambda: False) -> Answer:
        """Have a node do the job; the loss of it or of its process is made good, or in the end reported.

        Args:
            job: what to do; the folder of its run is in the store under its name, and is brought to where the job says.
            stop: is asked now and then whether to end the task, as if its time were over.
        """
        started = time.monotonic()
        name = Path(job.directory).name
        there = replace(self._with_data(job), device=job.device.partition(":")[0])  # of the GPUs, Ray chooses
        reference = self._task.remote(json.dumps(job_to_json(there)), self._store.url, self._run)
        status, message = self._wait(reference, job, stop)
        answer = None
        if status is Status.OK:
            try:
                answer = answer_from_json(json.loads(self._ray.get(reference)))
            except self._ray.exceptions.RayError as error:
                status, message = _cause(error)
        if self._store.folder != Path(job.directory).parent.resolve():
            self._store.pull(name, Path(job.directory))
        return answer or answer_for_the_dead(job, status, message, time.monotonic() - started)

    def _wait(self, reference: Any, job: Job, stop: Callable[[], bool]) -> tuple[Status, str]:
        """Until the task has ended, or is to be ended."""
        patience = math.inf if job.timeout_seconds is None else job.timeout_seconds + GRACE_SECONDS
        deadline = time.monotonic() + patience
        while not self._ray.wait([reference], timeout=_LOOK_SECONDS)[0]:
            if stop() or time.monotonic() >= deadline:
                self._ray.cancel(reference, force=True)
                return Status.TIMED_OUT, "the task did not end in time and was cancelled"
        return Status.OK, ""

    def _with_data(self, job: Job) -> Job:
        """The job with data that a node finds: where the store is a service, the files of the dataset go there, too."""
        source = Path(job.data.source)
        if not source.exists():  # of the hub
            return job
        if self._store.folder is not None:
            return replace(job, data=replace(job.data, source=str(source.resolve())))
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
        if digest not in self._pushed:
            self._store.push(source, f"{_DATA}/{digest}/{source.name if source.is_dir() else ''}".rstrip("/"))
            self._pushed.add(digest)
        return replace(job, data=replace(job.data, source=f"{_DATA}/{digest}/{source.name}"))


def _reach(address: str) -> None:
    """An `OSError` if nothing listens there."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), _REACH_SECONDS).close()


def _cause(error: Exception) -> tuple[Status, str]:
    message = str(error).strip().splitlines()[0]
    lacks = type(error).__name__ == "OutOfMemoryError"
    return (Status.OUT_OF_MEMORY if lacks else Status.FAILED), f"the task was lost: {message}"


def do_job(text: str, url: str, run: RunJob | None) -> str:
    """Of a node: a job from and to JSON.

    Args:
        text: the job.
        url: of the store.
        run: does a job; by default it finetunes.
    """
    if run is None:
        from foretune.execution.worker import run_job  # noqa: PLC0415 (brings torch, which only nodes need)

        run = run_job
    job, store = job_from_json(json.loads(text)), Store(url)
    with tempfile.TemporaryDirectory(prefix="foretune-") as scratch:
        try:
            answer = in_slices(replace(job, data=_found(job, store)), store, Path(scratch), run)
        except ForetuneError as error:
            answer = Answer(Report(job.trial, Status.FAILED, LearningCurve(), str(error)))
    return json.dumps(answer_to_json(answer))


def _found(job: Job, store: Store) -> DataRequest:
    """The request for data that are on this node."""
    source = str(job.data.source)
    if not source.startswith(f"{_DATA}/"):
        return job.data
    _, digest, name = source.split("/", 2)
    folder = Path(tempfile.gettempdir()) / f"foretune-data-{digest}"
    if not folder.exists():
        fresh = tempfile.mkdtemp(prefix="foretune-")
        store.pull(f"{_DATA}/{digest}", Path(fresh))
        try:
            Path(fresh).rename(folder)
        except OSError:  # another task of this node was quicker
            shutil.rmtree(fresh)
    return replace(job.data, source=str(folder / name))


def in_slices(job: Job, store: Store, scratch: Path, run: RunJob) -> Answer:
    """Do a job a slice at a time, and keep the folder of its run in the store after each.

    Args:
        job: what to do; only the name of its directory counts.
        store: of the folders of runs.
        scratch: an empty folder of this node.
        run: does a job.
    """
    name, trial, began = Path(job.directory).name, job.trial, time.monotonic()
    if not job.keep_state:
        return run(replace(job, directory=str(scratch / name)))
    store.pull(name, scratch / name)
    if earlier := trial.configuration.values.get(CONTINUES):
        store.pull(f"{earlier}/best", scratch / str(earlier) / "best")
    seconds = 0.0
    for fidelity in range(trial.resumes_from + 1, trial.fidelity + 1):
        left = None if job.timeout_seconds is None else max(0.0, job.timeout_seconds - (time.monotonic() - began))
        one = replace(trial, fidelity=fidelity, resumes_from=fidelity - 1)
        answer = run(replace(job, trial=one, directory=str(scratch / name), timeout_seconds=left))
        seconds += answer.report.seconds
        store.push(scratch / name, name)
        if answer.report.status is not Status.OK or fidelity == trial.fidelity:
            return replace(answer, report=replace(answer.report, trial=trial, seconds=seconds))
    raise AssertionError("a trial has at least one slice")
