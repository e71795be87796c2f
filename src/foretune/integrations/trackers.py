"""The runs of a search in trackers of experiments: one run for each configuration, its learning curve live."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from foretune.integrations.following import Follower, RunSoFar, Stage
from foretune.interop.mlflow_store import switched
from foretune.interop.optional import library
from foretune.types import VALIDATION_NLL

_KEY = "foretune.configuration"
_STATES = {Stage.RUNNING: "RUNNING", Stage.COMPLETE: "FINISHED", Stage.LEFT: "KILLED", Stage.FAILED: "FAILED"}


def mlflow_follower(address: str, name: str) -> Follower:
    """Writes to the experiment of that name, which is made if there is none.

    Args:
        address: of a tracking server or store, such as `sqlite:///mlflow.db`.
        name: of the experiment.
    """
    with switched():
        client = library("mlflow.tracking", "mlflow").MlflowClient(tracking_uri=address)
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)

    def follow(runs: Sequence[RunSoFar]) -> None:
        with switched():
            known = {run.data.tags.get(_KEY): run for run in _pages(client, experiment)}
            for run in runs:
                logged = known.get(run.configuration.key) or _begun(client, experiment, run)
                _bring(client, logged, run)

    return follow


def _pages(client: Any, experiment: str) -> Generator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], page_token=token)
        yield from page
        if not (token := page.token):
            return


def _begun(client: Any, experiment: str, run: RunSoFar) -> Any:
    key = run.configuration.key
    logged = client.create_run(experiment, run_name=key, tags={_KEY: key})
    for name, value in run.configuration.values.items():
        client.log_param(logged.info.run_id, name, value)
    return logged


def _bring(client: Any, logged: Any, run: RunSoFar) -> None:
    """What a run of MLflow lacks."""
    place, name = logged.info.run_id, VALIDATION_NLL.name
    seen = len(client.get_metric_history(place, name)) if name in logged.data.metrics else 0
    for step, loss in enumerate(run.losses[seen:], start=seen + 1):
        client.log_metric(place, name, loss, step=step)
    if run.message:
        client.set_tag(place, "message", run.message)
    if (state := _STATES[run.stage]) == "RUNNING":
        client.update_run(place, status=state)
    else:
        client.set_terminated(place, state)


def tensorboard_follower(address: str, name: str) -> Follower:
    """Writes event files, in a folder for each configuration.

    Args:
        address: folder that TensorBoard is shown.
        name: of the folder of the search in it.
    """

    def follow(runs: Sequence[RunSoFar]) -> None:
        for run in runs:
            _write_events(Path(address) / name / run.configuration.key, run)

    return follow


def _write_events(folder: Path, run: RunSoFar) -> None:
    torch = library("torch.utils.tensorboard", "tensorboard")
    seen = _seen(folder)
    if seen == len(run.losses):
        return
    with torch.SummaryWriter(str(folder)) as writer:
        if not seen:
            values = dict(run.configuration.values)
            for one in library("torch.utils.tensorboard.summary", "tensorboard").hparams(values, {}):
                writer.file_writer.add_summary(one)
        for step, loss in enumerate(run.losses[seen:], start=seen + 1):
            writer.add_scalar(VALIDATION_NLL.name, loss, step)


def _seen(folder: Path) -> int:
    """Slices that are in the event files of a folder."""
    if not folder.is_dir():
        return 0
    module = library("tensorboard.backend.event_processing.event_accumulator", "tensorboard")
    events = module.EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    name = VALIDATION_NLL.name
    return len(events.Scalars(name)) if name in events.Tags()["scalars"] else 0
