"""Folders of TensorBoard events: one run each, with a scalar under the tag that `--metric` names.

A slice ends where the scalar was written, and costs the wall time since the slice before (the first slice: since the
run's first event); for the curve's own points, and the cost of pauses, see `foretune.interop.points`. Hyperparameters
come from the HParams plugin, written in the run's folder or in a folder right below it (as `SummaryWriter.add_hparams`
does), and from a file of settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foretune.errors import InteropError
from foretune.interop.optional import library
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.parameters import settings_of
from foretune.interop.points import LoggedPoint, own_points, timed_slices
from foretune.interop.recorded import Imported, RecordedRun, task_of
from foretune.types import Value

_EVENTS = "*tfevents*"
_SESSION = "_hparams_/session_start_info"
_MICROSECOND = 1e-6


def tensorboard_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Runs of TensorBoard, from log folders.

    Raises:
        InteropError: naming the folder, and the tags that it has.
    """
    found = [(name, folder, _read(folder)) for path in paths for name, folder in _folders(Path(path))]
    tags = sorted({tag for _, _, events in found for kind in ("scalars", "tensors") for tag in events.Tags()[kind]})
    metric = options.needed_metric(", ".join(tags) or "none")
    # A folder that only has hyperparameters belongs to the run above it.
    kept = [(name, folder, events) for name, folder, events in found if _points(events, metric)]
    if not kept:
        message = f"no run below {', '.join(paths)} has the tag {metric!r}; the tags are: {', '.join(tags) or 'none'}"
        raise InteropError(message)
    return Imported([_run(*one, options) for one in kept])


def _folders(path: Path) -> list[tuple[str, Path]]:
    """Each folder with events, by its path below the one given."""
    folders = sorted({file.parent for file in path.rglob(_EVENTS)})
    if not folders:
        raise InteropError(f"no event files below {path}; give the log folder that TensorBoard shows")
    names = (folder.relative_to(path).as_posix() for folder in folders)
    return [(path.resolve().name if name == "." else name, folder) for name, folder in zip(names, folders, strict=True)]


def _read(folder: Path) -> Any:
    module = library("tensorboard.backend.event_processing.event_accumulator", "tensorboard")
    events = module.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    return events


def _points(events: Any, tag: str) -> list[LoggedPoint]:
    """All points of a tag."""
    tags = events.Tags()
    if tag in tags["scalars"]:
        return [LoggedPoint(event.step, event.wall_time, event.value) for event in events.Scalars(tag)]
    if tag in tags["tensors"]:
        plain = library("tensorboard.util.tensor_util", "tensorboard").make_ndarray
        return [
            LoggedPoint(event.step, event.wall_time, float(plain(event.tensor_proto))) for event in events.Tensors(tag)
        ]
    return []


def _run(name: str, folder: Path, events: Any, options: ImportOptions) -> RecordedRun:
    values = {**_hyperparameters(folder, events), **settings_of(name, options.settings)}
    start = float(events.FirstEventTimestamp())
    figures = figures_of(folder, options)
    task = task_of(options, values, "", "", options.metric)
    tested = own_points(_points(events, options.test_metric))
    read, remarks = timed_slices(
        _points(events, options.metric),
        start,
        tested[-1].value if tested else None,
        maximize=task.direction == "maximize",
        least=_MICROSECOND,
    )
    seed = values.pop("seed", None)
    return RecordedRun(
        name,
        task,
        options.chosen(values),
        read,
        seed=seed if isinstance(seed, int) else None,
        facts={"started": datetime.fromtimestamp(start, UTC).isoformat(), **figures},
        remarks=remarks,
    )


def _hyperparameters(folder: Path, events: Any) -> dict[str, Value]:
    places = [events, *(_read(child) for child in sorted({file.parent for file in folder.glob(f"*/{_EVENTS}")}))]
    found = [values for place in places if (values := _session(place))]
    if len(found) > 1:
        raise InteropError(
            f"{folder} and the folders below it have {len(found)} sets of hyperparameters; give --settings instead"
        )
    return found[0] if found else {}


def _session(events: Any) -> dict[str, Value]:
    try:
        content = events.PluginTagToContent("hparams")
    except KeyError:
        return {}
    plugin = library("tensorboard.plugins.hparams.plugin_data_pb2", "tensorboard").HParamsPluginData
    if _SESSION not in content:
        return {}
    written = plugin.FromString(content[_SESSION]).session_start_info.hparams
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in written.items()}
    # The plugin stores every number as a float.
    return {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in values.items()}
