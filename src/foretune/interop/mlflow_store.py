"""Runs in an MLflow store: parameters, the history of one metric, and the times at which it was logged.

A slice ends where the metric was logged; for the curve's own points, and the cost of pauses, see
`foretune.interop.points`. It costs the time since the point before (the first point: since the start of the run), and
at least the millisecond that MLflow's clock resolves. Unfinished runs, and runs without the metric, are left out and
counted.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from foretune.errors import InteropError
from foretune.interop.databases import check_database
from foretune.interop.optional import library
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.parameters import settings_of, typed
from foretune.interop.points import LoggedPoint, timed_slices
from foretune.interop.recorded import Imported, RecordedRun, finite_slices, task_of
from foretune.interop.resample import ImportedSlice
from foretune.metadata.schema import STOPPED
from foretune.types import Status, Value

_STATUSES = {"FINISHED": Status.OK, "FAILED": Status.FAILED, "KILLED": STOPPED}
_SWITCHES = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""MLflow opens stores of plain files only on demand since its version 3, and reports its use unless told not to."""
_MILLISECOND = 1e-3


def mlflow_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Runs of MLflow stores: a folder (`mlruns`), a database (`sqlite:///mlflow.db`) or a server.

    Raises:
        InteropError: if a store cannot be read, or no run has the metric.
    """
    found = [pair for path in paths for pair in _stored(path, options)]
    metric = options.needed_metric(", ".join(sorted({name for run, _ in found for name in run.data.metrics})) or "none")
    kept = [(run, history) for run, history in found if run.info.status in _STATUSES and history]
    if found and not kept:
        known = sorted({name for run, _ in found for name in run.data.metrics})
        message = f"no ended run has the metric {metric!r}; the {len(found)} runs have: {', '.join(known) or 'none'}"
        raise InteropError(message)
    parameters = typed([run.data.params for run, _ in kept])
    runs = [_run(*pair, values, options) for pair, values in zip(kept, parameters, strict=True)]
    left = len(found) - len(kept)
    notes = [f"{left} runs that have not ended or do not have the metric {metric!r} are left out"] if left else []
    return Imported(runs, notes)


def _stored(path: str, options: ImportOptions) -> list[tuple[Any, list[Any]]]:
    """Each run of a store with the history of the metric."""
    address = _address(path)
    with switched():
        client = library("mlflow.tracking", "mlflow").MlflowClient
        failure = library("mlflow.exceptions", "mlflow").MlflowException
        try:
            return _histories(client(tracking_uri=address), options)
        except failure as error:
            raise InteropError(
                f"{path} cannot be read as an MLflow store ({error}); give a folder, or an address as of sqlite:///"
            ) from error


def _histories(store: Any, options: ImportOptions) -> list[tuple[Any, list[Any]]]:
    runs = [run for experiment in _experiments(store, options) for run in _pages(store, experiment)]
    runs.sort(key=lambda run: (run.info.start_time, str(run.info.run_name), run.info.run_id))
    known = [options.metric in run.data.metrics for run in runs]
    return [
        (run, store.get_metric_history(run.info.run_id, options.metric) if has else [])
        for run, has in zip(runs, known, strict=True)
    ]


def _address(path: str) -> str:
    if path.startswith("sqlite:"):
        check_database(path)
        return path
    if urlparse(path).scheme in {"http", "https", "file", "postgresql", "mysql"}:
        return path
    if not Path(path).is_dir():
        message = f"no MLflow store at {path}; give the folder mlruns, or an address such as sqlite:///mlflow.db"
        raise InteropError(message)
    return Path(path).resolve().as_uri()


@contextmanager
def switched() -> Generator[None]:
    """MLflow's switches as this package needs them, for as long as this holds."""
    before = {name: os.environ.get(name) for name in _SWITCHES}
    os.environ.update(_SWITCHES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _experiments(store: Any, options: ImportOptions) -> list[Any]:
    found = list(store.search_experiments())
    names = [experiment.name for experiment in found]
    if unknown := [part for part in options.parts if part not in names]:
        message = f"no experiment {', '.join(unknown)} in the MLflow store; it has {', '.join(names) or 'none'}"
        raise InteropError(message)
    return [experiment for experiment in found if not options.parts or experiment.name in options.parts]


def _pages(store: Any, experiment: Any) -> Iterator[Any]:
    token = None
    while True:
        page = store.search_runs([experiment.experiment_id], page_token=token)
        for run in page:
            run.data.tags["experiment"] = experiment.name
            yield run
        if not (token := page.token):
            return


def _run(run: Any, history: Sequence[Any], parameters: dict[str, Value], options: ImportOptions) -> RecordedRun:
    values = {**parameters, **settings_of(str(run.info.run_name), options.settings)}
    task = task_of(options, values, run.data.tags["experiment"], "", options.metric)
    start = run.info.start_time
    tested, maximize = run.data.metrics.get(options.test_metric), task.direction == "maximize"
    read, remarks = _slices(history, start, tested, maximize=maximize)
    slices, status, message = finite_slices(read)
    if status == Status.OK:
        status = _STATUSES[run.info.status]
        message = "" if status == Status.OK else f"MLflow calls the run {run.info.status}"
    seed = values.pop("seed", None)
    return RecordedRun(
        f"{run.info.run_name}-{run.info.run_id[:8]}",
        task,
        options.chosen(values),
        slices,
        seed=seed if isinstance(seed, int) else None,
        status=status,
        message=message,
        facts={"started": datetime.fromtimestamp(start / 1000, UTC).isoformat(), **figures_of(None, options)},
        remarks=remarks,
    )


def _slices(
    history: Sequence[Any], start: int, test: float | None, *, maximize: bool
) -> tuple[list[ImportedSlice], list[str]]:
    """The slices of a run, and remarks."""
    logged = [LoggedPoint(point.step, point.timestamp / 1000, point.value) for point in history]
    return timed_slices(logged, start / 1000, test, maximize=maximize, least=_MILLISECOND)
