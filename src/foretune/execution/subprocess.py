"""The parent's side of a worker process: a trial that takes its process down becomes a report, nothing more."""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import numpy as np

from foretune.execution.jobs import Answer, Job, answer_from_json, job_to_json, read_records
from foretune.types import VALIDATION_NLL, LearningCurve, Report, Status, Trial

COMMAND = (sys.executable, "-m", "foretune.execution.worker")
START_SECONDS = 300.0
GRACE_SECONDS = 30.0
"""A worker minds the time itself between two steps; only one that does not is killed, this much later."""

_LOOK_SECONDS = 0.2
"""Between two looks at whether a child is to be stopped."""


class Worker:
    """A long-lived child process; it is started for the first job, and again after it has died.

    A context manager: leaving it ends the child. Not thread-safe; one thread per worker.
    """

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        environment: Mapping[str, str] | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Remember how to start the child.

        Args:
            command: speaks the protocol of `foretune.execution.jobs` on its standard input and output.
            environment: variables to set for the child (for instance OMP_NUM_THREADS) on top of our own.
            grace_seconds: how long after the timeout of a job a child that does not answer is killed.
        """
        self._command = tuple(command)
        self._environment = {**os.environ, **(environment or {})}
        self._grace_seconds = grace_seconds
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def start(self) -> None:
        """Start the child, which imports its libraries while the caller goes on; the first job would do it, too."""
        self._child = self._child or _Child(self._command, self._environment)

    def run(self, job: Job, stop: Callable[[], bool] = lambda: False) -> Answer:
        """Have the child do the job; a child that dies or hangs over it is reported, not raised.

        The seconds of this report count from the start of the job; starting the child is not in them.

        Args:
            job: what to do.
            stop: is asked now and then whether to end the child, as if its time were over.
        """
        child = self._child = self._child or _Child(self._command, self._environment)
        try:
            child.wait_until_ready()
            started = time.monotonic()
            line = self._ask(child, job, stop)
        except BaseException:
            self.close()  # a job may be half done: the next one gets a fresh child
            raise
        if line is not None:
            return answer_from_json(line)
        status, message = child.cause_of_death()
        self.close()
        return answer_for_the_dead(job, status, message, time.monotonic() - started)

    def _ask(self, child: _Child, job: Job, stop: Callable[[], bool]) -> Mapping[str, Any] | None:
        patience = math.inf if job.timeout_seconds is None else job.timeout_seconds + self._grace_seconds
        child.send(job_to_json(job))
        return child.receive(patience, stop)


class RunsJobs(Protocol):
    """A `Worker`, or a cluster."""

    def run(self, job: Job, stop: Callable[[], bool] = lambda: False) -> Answer:
        """See `Worker.run`."""
        ...


class Subprocess:
    """Evaluates trials of one task elsewhere: the `evaluate` of `tune`."""

    def __init__(
        self, worker: RunsJobs, template: Job, directory: Path, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Remember what all trials share.

        Args:
            worker: runs the trials; who made it closes it.
            template: model, data and the like; its trial and directory are replaced.
            directory: each configuration gets a folder below it.
            stop: whether a trial under way is to end.
        """
        self._worker = worker
        self._template = template
        self._directory = directory
        self._stop = stop

    def __call__(self, trial: Trial, timeout_seconds: float | None = None) -> Report:
        """The report of one trial."""
        directory = str(self._directory / trial.configuration.key)
        job = replace(self._template, trial=trial, directory=directory, timeout_seconds=timeout_seconds)
        return self._worker.run(job, self._stop).report


class _Child:
    """One run of the worker's program."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the child)
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the parent, which then closes the child
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ready = False
        self._killed_late = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)  # the end

    def wait_until_ready(self) -> None:
        """Wait for the child's imports."""
        if not self._ready:
            self._ready = self.receive(START_SECONDS) is not None

    def send(self, values: Mapping[str, Any]) -> None:
        """Hand over one line; a dead child shows when the answer does not come."""
        if self._process.stdin is not None:
            try:
                self._process.stdin.write(json.dumps(values) + "\n")
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError):
                return

    def receive(self, patience: float, stop: Callable[[], bool] = lambda: False) -> Mapping[str, Any] | None:
        """The next line; None if the child has died, or was killed: for taking longer than `patience` seconds, or since
        `stop` said so."""
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, min(_LOOK_SECONDS, deadline - time.monotonic())))
            except queue.Empty:
                if stop() or time.monotonic() >= deadline:
                    self._killed_late = True
                    self._process.kill()
                    return None
                continue
            if line is None:
                self._lines.put(None)  # it stays at its end
                return None
            return json.loads(line)

    def cause_of_death(self) -> tuple[Status, str]:
        """How it ended, as a status and a sentence."""
        code = self._process.wait()
        if self._killed_late:
            return Status.TIMED_OUT, "the worker did not answer in time and was killed"
        if code == -signal.SIGKILL:
            return Status.OUT_OF_MEMORY, "the worker was killed by the system, most likely for its memory"
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Status.FAILED, f"the worker ended with {reason}: {self._last_words()}"

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    def kill(self) -> None:
        """End it at once and free what it held; its work is on disk, slice by slice."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                _close(pipe)


def _close(pipe: IO[Any]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:  # unread messages die with the child
        return


def answer_for_the_dead(job: Job, status: Status, message: str, seconds: float) -> Answer:
    """The slices that the run of a dead child left on disk, up to the fidelity of the trial."""
    slices, run = read_records(Path(job.directory), job.trial.fidelity)
    scores = np.array([VALIDATION_NLL.score(float(line["validation_nll"])) for line in slices])
    durations = np.array([float(line["train_seconds"]) + float(line["evaluation_seconds"]) for line in slices])
    return Answer(Report(job.trial, status, LearningCurve(scores, durations), message, seconds), slices, run)
