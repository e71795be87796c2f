"""Collect a meta-dataset: sample configurations, finetune each on each task, append every finished run.

Runs are taken in rounds, one of each task after the other, so that a table that is still growing is balanced. What is
finished is in the logs (`foretune.metadata.log`); a collection that was killed goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foretune.disk import replace_text
from foretune.errors import MetaDatasetError
from foretune.execution.jobs import Answer, Job
from foretune.metadata import MetaDataset, write_meta_dataset
from foretune.metadata.collection import Collection, CollectionRun, Row, command, plan
from foretune.metadata.log import RUNS_LOG, TASKS_LOG, append_line, compile_logs, read_runs, read_tasks, restore_logs
from foretune.metadata.rows import run_row, slice_rows
from foretune.metadata.source import TaskSource
from foretune.request import DataRequest
from foretune.types import Status, Trial

COMPILE_EVERY = 100
"""Finished runs between two times that the tables are written."""
_FAILURES_IN_A_ROW = 8
_SETTINGS = "collection.json"

StartRunner = Callable[[], AbstractContextManager[Callable[[Job], Answer]]]


@dataclass(frozen=True)
class CollectionProgress:
    """How far a collection is.

    Attributes:
        finished: runs in the log that belong to this collection.
        planned: runs in all.
        fresh: runs finished since this call began.
        seconds: since then.
        last: name and status of the run that has just ended; empty at the beginning.
    """

    finished: int
    planned: int
    fresh: int
    seconds: float
    last: str = ""


def collect(
    collection: Collection,
    folder: Path,
    *,
    describe: Callable[[TaskSource], Row],
    start_runner: StartRunner,
    workers: int = 1,
    observe: Callable[[CollectionProgress], None] = lambda _: None,
) -> MetaDataset:
    """Do all runs that are not in the logs yet, and write the tables.

    Args:
        collection: what to collect.
        folder: of the meta-dataset; made if absent, gone on with if it has logs or tables.
        describe: makes the row of the table of tasks.
        start_runner: called once per worker; what it gives does a job, and is closed at the end.
        workers: runs at the same time.
        observe: called after each run.

    Returns:
        What was collected, also by earlier calls.

    Raises:
        MetaDatasetError: if the folder holds another collection, or run after run fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _go_on_from_tables(folder)
    _check_settings(collection, folder)
    rows = _describe_all(collection, folder, describe)
    done = {name for name, record in read_runs(folder).items() if record["run"]["status"] != Status.FAILED}
    planned = plan(collection, rows)
    left = [one for one in planned if one.name not in done]
    session = _Session(collection, folder, observe, left, len(planned), rows)
    with tempfile.TemporaryDirectory(prefix="foretune-collect-") as scratch:
        session.work_off(start_runner, workers, Path(scratch))
    return finish(folder)


def finish(folder: Path) -> MetaDataset:
    """Compile the logs in a folder into its tables, whether or not the collection is complete."""
    settings = folder / _SETTINGS
    if not settings.is_file():
        message = (
            f"{folder} holds no collection ({_SETTINGS} is missing); give the folder of a `foretune collect --out`"
        )
        raise MetaDatasetError(message)
    meta = compile_logs(folder, json.loads(settings.read_text(encoding="utf-8")))
    write_meta_dataset(meta, folder)
    return meta


def _go_on_from_tables(folder: Path) -> None:
    """Take up a meta-dataset without logs, such as a copy of a shipped one."""
    settings = restore_logs(folder)
    if settings is not None:
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _check_settings(collection: Collection, folder: Path) -> None:
    """Write down what is collected; going on with another model or input length would mix what cannot be compared."""
    path, model = folder / _SETTINGS, Path(collection.model).name
    settings: dict[str, Any] = {
        "how": "configurations drawn from a search space were finetuned on each task by `foretune collect`",
        "commands": [command(collection)],
        "model": model,
        "space": collection.space.name,
        "defaults": {model: dict(collection.space.default().values)},
        "max_length": collection.max_length,
        "validation_tokens": collection.validation_tokens,
        "test_tokens": collection.test_tokens,
        **collection.reading.unusual(),
    }
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        for name in ("model", "max_length", "validation_tokens", "test_tokens", *asdict(collection.reading)):
            if before.get(name) != settings.get(name):
                was = f"{folder} was collected with {name} {before.get(name)!r}"
                message = f"{was}, not {settings.get(name)!r}; use another --out"
                raise MetaDatasetError(message)
        settings["commands"] = list(dict.fromkeys([*_commands(before), *settings["commands"]]))
    replace_text(path, json.dumps(settings, indent=1) + "\n")


def _commands(settings: Mapping[str, Any]) -> list[str]:
    """All that were given so far; earlier versions kept one."""
    return settings.get("commands") or [settings[name] for name in ("command",) if name in settings]


def _describe_all(collection: Collection, folder: Path, describe: Callable[[TaskSource], Row]) -> dict[str, Row]:
    rows: dict[str, Row] = dict(read_tasks(folder))
    for source in collection.sources:
        if (task := source.task(collection.model)) not in rows:
            rows[task] = describe(source)
            append_line(folder / TASKS_LOG, rows[task])
    return rows


def _job(collection: Collection, planned: CollectionRun, directory: Path, row: Row) -> Job:
    return Job(
        trial=Trial(0, planned.configuration, int(row["max_fidelity"])),
        model=collection.model,
        data=DataRequest(
            str(planned.source.path),
            train_rows=planned.source.rows,
            validation_rows=int(row["n_validation"]),
            test_rows=int(row["n_test"]) or None,
            max_length=collection.max_length,
            reading=collection.reading,
        ),
        directory=str(directory),
        seed=planned.seed,
        device=collection.device,
        keep_state=False,
        processor_time=collection.device == "cpu",
        timeout_seconds=collection.timeout_seconds,
    )


def record_of(planned: CollectionRun, answer: Answer) -> dict[str, Any]:
    """A finished run as a line of the log, see `foretune.metadata.log`."""
    report = answer.report
    run = run_row(
        planned.name,
        planned.task,
        seed=planned.seed,
        status=str(report.status),
        message=report.message,
        configuration=report.trial.configuration,
        known=answer.run,
    )
    return {"run": run, "slices": slice_rows(answer.slices)}


class _Session:
    """One call of `collect`: workers that take runs from one queue, and a log that they share."""

    def __init__(
        self,
        collection: Collection,
        folder: Path,
        observe: Callable[[CollectionProgress], None],
        runs: Sequence[CollectionRun],
        planned: int,
        rows: Mapping[str, Row],
    ) -> None:
        self._rows = rows
        self._collection = collection
        self._folder = folder
        self._observe = observe
        self._left = deque(runs)
        self._planned = planned
        self._finished_before = planned - len(runs)
        self._fresh = 0
        self._failed_in_a_row = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def work_off(self, start_runner: StartRunner, workers: int, scratch: Path) -> None:
        """Do all runs; on an interruption or an error, those under way are finished first."""
        self._announce("")
        with ThreadPoolExecutor(max_workers=max(workers, 1)) as threads:
            try:
                futures = [threads.submit(self._work, start_runner, scratch) for _ in range(max(workers, 1))]
                for future in as_completed(futures):
                    future.result()
            finally:
                self._stop.set()

    def _work(self, start_runner: StartRunner, scratch: Path) -> None:
        try:
            with start_runner() as run:
                for planned in self._take():
                    directory = scratch / hashlib.sha256(planned.name.encode()).hexdigest()[:16]
                    answer = run(_job(self._collection, planned, directory, self._rows[planned.task]))
                    shutil.rmtree(directory, ignore_errors=True)
                    self._keep(planned, answer)
        finally:
            self._stop.set()  # either nothing is left, or something is wrong that the others should not wait for

    def _take(self) -> Iterator[CollectionRun]:
        while not self._stop.is_set():
            with self._lock:
                if not self._left:
                    return
                one = self._left.popleft()
            yield one

    def _keep(self, planned: CollectionRun, answer: Answer) -> None:
        with self._lock:
            append_line(self._folder / RUNS_LOG, record_of(planned, answer))
            self._fresh += 1
            failed = answer.report.status is Status.FAILED
            self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
            self._announce(f"{planned.name} {answer.report.status}")
            if self._fresh % COMPILE_EVERY == 0:
                finish(self._folder)
        if self._failed_in_a_row >= _FAILURES_IN_A_ROW:
            message = (
                f"{self._failed_in_a_row} runs in a row failed, the last, {planned.name}, with: "
                f"{answer.report.message}; "
                "mend the cause and start again: failed runs are tried anew"
            )
            raise MetaDatasetError(message)

    def _announce(self, last: str) -> None:
        finished, seconds = self._finished_before + self._fresh, time.monotonic() - self._began
        self._observe(CollectionProgress(finished, self._planned, self._fresh, seconds, last))
