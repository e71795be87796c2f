"""The runs of a search in trackers of experiments: one run for each configuration, its learning curve live."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from foretune.integrations.following import Follower, RunSoFar, Stage
from foretune.interop.mlflow_store import switched
from foretune.interop.optional import library
from foretune.types import VALIDATION_NLL

_KEY = "foretune.configuration"
_MARK = "foretune.txt"
"""In the folder of a run of W&B that has ended: how far it is written."""
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


def trackio_follower(address: str, name: str) -> Follower:
    """Writes to a project of trackio, in its own folder.

    Args:
        address: name of the project.
        name: of the search, whose runs are a group of the project.
    """
    storage = library("trackio.sqlite_storage", "trackio").SQLiteStorage
    storage.validate_project_name(address)

    def follow(runs: Sequence[RunSoFar]) -> None:
        """Bring the tables up to these runs; rows that are there, by their `log_ids`, stay as they are."""
        for run in runs:
            place = f"{name}-{run.configuration.key}"
            steps = list(range(1, len(run.losses) + 1)) or [0]
            storage.bulk_log(
                address,
                place,
                [{VALIDATION_NLL.name: loss} for loss in run.losses] or [{}],
                steps=steps,
                config={**run.configuration.values, "_Group": name, "stage": run.stage.value, "message": run.message},
                log_ids=[f"{place}-{step}" for step in steps],
                run_id=place,
            )

    return follow


def wandb_follower(address: str, name: str) -> Follower:
    """Writes offline runs of W&B, which `wandb sync` uploads.

    A run that has ended cannot be added to. If a later process goes on with it, it is written anew, whole, in place of
    the earlier one.

    Args:
        address: folder.
        name: of the project, and of its folder in there.
    """
    wandb = library("wandb", "wandb")
    folder, logged = Path(address) / name, dict[str, Any]()
    settings = {"console": "off", "silent": True, "disable_git": True, "disable_code": True, "x_disable_stats": True}

    def begun(run: RunSoFar) -> Any:
        """A run of W&B, to which slices can be added until it ends."""
        folder.mkdir(parents=True, exist_ok=True)
        key, values = run.configuration.key, dict(run.configuration.values)
        return wandb.init(
            project=name,
            dir=str(folder),
            id=key,
            config=values,
            mode="offline",
            reinit="create_new",
            settings=wandb.Settings(**settings),
        )

    def follow(runs: Sequence[RunSoFar]) -> None:
        """Add what is new, and end the runs that have ended; those of an earlier process stay where they are whole."""
        for run in runs:
            key = run.configuration.key
            if key in logged or not _is_written(folder, run):
                logged[key] = logged.get(key) or begun(run)
                _log(logged[key], run)
            if key in logged and run.stage is not Stage.RUNNING:
                _finish(logged.pop(key), run)

    return follow


def _is_written(folder: Path, run: RunSoFar) -> bool:
    """Whether an earlier process has written the run as far as it is; if not, what it has written goes."""
    for earlier in folder.glob(f"wandb/offline-run-*-{run.configuration.key}"):
        mark = earlier / _MARK
        if mark.exists() and mark.read_text(encoding="utf-8") == _mark(run):
            return True
        shutil.rmtree(earlier)
    return False


def _mark(run: RunSoFar) -> str:
    return f"{len(run.losses)} slices{', failed' if run.stage is Stage.FAILED else ''}"


def _log(logged: Any, run: RunSoFar) -> None:
    """What a run of W&B lacks; its steps are counted from 0."""
    for step, loss in enumerate(run.losses[max(logged.step - 1, 0) :], start=max(logged.step, 1)):
        logged.log({VALIDATION_NLL.name: loss}, step=step, commit=True)


def _finish(logged: Any, run: RunSoFar) -> None:
    logged.summary.update({"stage": run.stage.value, "message": run.message, "seconds": run.seconds})
    logged.finish(exit_code=int(run.stage is Stage.FAILED))
    (Path(logged.settings.sync_dir) / _MARK).write_text(_mark(run), encoding="utf-8")
