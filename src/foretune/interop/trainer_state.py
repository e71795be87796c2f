"""Folders that the Trainer of `transformers` left: `trainer_state.json` (and its `log_history`) beside an adapter.

Hyperparameters come from `trainer_state.json` itself (the highest logged learning rate, the batch size of a device),
the list in the model card, `training_args.json` (plain JSON, if somebody wrote one), `adapter_config.json` and a file
of settings; later entries of this list override earlier entries. `training_args.bin` is a pickle and never opened. A
slice ends with an evaluation. Its cost is its own evaluation time and, by its share of the steps, the rest of
`train_runtime` without evaluations; where runs have no `train_runtime` (a checkpoint of a run that did not end) costs
are steps, or, only if asked for, seconds by the times at which checkpoints were written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

from foretune.errors import InteropError
from foretune.interop.adapters import adapter_settings
from foretune.interop.documents import needed, read_object
from foretune.interop.options import ImportOptions
from foretune.interop.origin import figures_of
from foretune.interop.parameters import settings_of
from foretune.interop.recorded import Imported, RecordedRun, finite_slices, task_of
from foretune.interop.resample import ImportedSlice
from foretune.interop.trainer_runtime import first_step
from foretune.interop.trainer_settings import arguments_of, beside, epochs_of, state_settings
from foretune.metadata.schema import STOPPED
from foretune.types import Status, Value

_STATE = "trainer_state.json"
RESUMED = (
    "the run was resumed, and its log has the time of the last part alone, whose seconds a step stand for all steps"
)
_WHEN = ("step", "epoch")
_NOISE = 1e-5
"""Relative difference that two evaluations of the same model may have."""
_TIMES = ("_runtime", "_per_second")


@dataclass(frozen=True)
class Part:
    """Steps that were trained in one go.

    Attributes:
        first: steps of the run before it.
        last: steps of the run after it.
        seconds: wall time, evaluations included.
    """

    first: int
    last: int
    seconds: float


@dataclass(frozen=True)
class _Log:
    """The files of a run.

    Attributes:
        folder: that was given.
        state: its last `trainer_state.json`.
        evaluations: entries of the log with the metric, one per step.
        model: name of the base model; empty if the adapter does not say.
        settings: hyperparameters.
    """

    folder: Path
    state: Mapping[str, Any]
    evaluations: Sequence[Mapping[str, Any]]
    model: str
    settings: dict[str, Value]

    @property
    def steps(self) -> int:
        """Steps that were trained."""
        return int(self.state["global_step"])

    @cached_property
    def parts(self) -> list[Part]:
        """The parts of the run whose wall time is in the log, each from its first to its last step."""
        found, log = list[Part](), self.state["log_history"]
        for place, entry in enumerate(log):
            if "train_runtime" in entry and int(entry.get("step", 0)) > 0:
                earlier = found[-1].last if found else 0
                first = first_step(entry, log[:place], earlier=earlier, save_steps=self.state.get("save_steps"))
                found.append(Part(first, int(entry["step"]), float(entry["train_runtime"])))
        return found

    @property
    def step_seconds(self) -> float | None:
        """Wall time of a step without the evaluations, over all parts; None if the log does not have it."""
        seconds = sum(part.seconds for part in self.parts)
        for entry in self.evaluations:
            if any(part.first < int(entry["step"]) <= part.last for part in self.parts):
                seconds -= float(entry.get(self.runtime, 0.0))
        steps = sum(part.last - part.first for part in self.parts)
        return seconds / steps if steps and seconds > 0 else None

    @property
    def remarks(self) -> list[str]:
        """Changes and omissions."""
        timed = sum(part.last - part.first for part in self.parts)
        return [RESUMED] if 0 < timed < self.steps else []

    @property
    def runtime(self) -> str:
        """The log's name of the seconds of an evaluation."""
        return next((name for name in self.evaluations[0] if name.endswith("_runtime")), "eval_runtime")


def trainer_state_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Runs of the Trainer, from their folders or from parents of their folders.

    Raises:
        InteropError: naming the folder and the missing part.
    """
    folders = [folder for path in paths for folder in _runs_in(Path(path))]
    logs = [_log(folder, options) for folder in folders]
    unit = _cost_unit(logs, options)
    names = _names(folders)
    return Imported([_run(log, name, unit, options) for log, name in zip(logs, names, strict=True)])


def _states(folder: Path) -> list[Path]:
    return [path for path in (folder / _STATE, *folder.glob(f"checkpoint-*/{_STATE}")) if path.is_file()]


def _runs_in(path: Path) -> list[Path]:
    if _states(path):
        return [path]
    found = sorted(folder for folder in path.iterdir() if folder.is_dir() and _states(folder)) if path.is_dir() else []
    if not found:
        message = f"no {_STATE} in {path}, its checkpoint-* folders or its folders; give the Trainer's output_dir"
        raise InteropError(message)
    return found


def _names(folders: Sequence[Path]) -> list[str]:
    """Names of the folders, with parent folders where needed to tell them apart."""
    for depth in range(1, 6):
        names = ["/".join(folder.resolve().parts[-depth:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    raise InteropError(f"the same folder is given twice among {', '.join(map(str, folders))}; give each once")


def _log(folder: Path, options: ImportOptions) -> _Log:
    states = [(path, read_object(path)) for path in _states(folder)]
    for path, state in states:
        needed(state, "log_history", list, path)
        needed(state, "global_step", int, path)
    # The state at the end has the times; of equally long ones that is the one outside the checkpoints.
    path, state = max(states, key=lambda pair: (pair[1]["global_step"], len(pair[1]["log_history"])))
    metric = options.metric or "eval_loss"
    if not (evaluations := _evaluations(state["log_history"], metric)):
        known = sorted({name for entry in state["log_history"] for name in entry})
        raise InteropError(
            f"{path}: log_history has no {metric!r} of a trained model, only {', '.join(known)}; "
            "name another --metric, or evaluate"
        )
    adapter = beside(folder, path, "adapter_config.json")
    settings = {**state_settings(state), **arguments_of(folder, path), **epochs_of(state), **adapter_settings(adapter)}
    settings |= settings_of(folder.name, options.settings)
    return _Log(folder, state, evaluations, str((adapter or {}).get("base_model_name_or_path") or ""), settings)


def _evaluations(log: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    """Entries with the metric, the first at each step, without a last one of the best model."""
    entries: dict[int, Mapping[str, Any]] = {}
    ended = False
    for entry in log:
        ended = ended or "train_runtime" in entry
        if metric in entry and int(entry.get("step", 0)) > 0:
            again = ended and any(_alike(entry, other) for other in entries.values())
            if not again:
                entries.setdefault(int(entry["step"]), entry)
    return [entries[step] for step in sorted(entries)]


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two evaluations came to the same figures, whenever they were made and however long they took."""
    figures, others = (
        {name: value for name, value in entry.items() if name not in _WHEN and not name.endswith(_TIMES)}
        for entry in (one, other)
    )
    if figures.keys() != others.keys():
        return False
    return all(value == others[name] or _close(value, others[name]) for name, value in figures.items())


def _close(one: object, other: object) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float) and math.isclose(one, other, rel_tol=_NOISE)


def _cost_unit(logs: Sequence[_Log], options: ImportOptions) -> str:
    if options.cost_unit or options.file_times:
        return options.cost_unit or "seconds"
    timed = [log for log in logs if log.step_seconds is not None]
    if timed and len(timed) < len(logs):
        without = ", ".join(log.folder.name for log in logs if log.step_seconds is None)
        raise InteropError(
            f"{without}: no train_runtime in the log, while other runs have it; costs must mean the same in all: "
            "give --cost-unit steps for all, or --file-times, or import them one by one"
        )
    return "seconds" if timed else "steps"


def _run(log: _Log, name: str, unit: str, options: ImportOptions) -> RecordedRun:
    settings = dict(log.settings)
    figures = figures_of(log.folder, options)
    task = task_of(options, settings, "", log.model, options.metric or "eval_loss", cost_unit=unit)
    seed = settings.pop("seed", None)
    slices, status, message = finite_slices(_slices(log, unit, options))
    planned = int(log.state.get("max_steps") or 0)
    if status == Status.OK and log.steps < planned:
        status, message = STOPPED, f"stopped after {log.steps} of {planned} steps"
    return RecordedRun(
        name,
        task,
        options.chosen(settings),
        slices,
        seed=None if seed is None else int(seed),
        status=status,
        message=message,
        facts={"started": _started(log), **figures} if options.file_times else figures,
        planned=planned or None,
        remarks=log.remarks if unit == "seconds" and not options.file_times else (),
    )


def _started(log: _Log) -> str:
    times = _checkpoint_times(log)
    return datetime.fromtimestamp(min(times.values()), UTC).isoformat() if times else ""


def _slices(log: _Log, unit: str, options: ImportOptions) -> Iterable[ImportedSlice]:
    metric = options.metric or "eval_loss"
    per_step, evaluated = _rates(log, unit, options)
    tests = [entry[options.test_metric] for entry in log.state["log_history"] if options.test_metric in entry]
    before = 0
    for entry in log.evaluations:
        step = int(entry["step"])
        yield ImportedSlice(
            float(entry[metric]),
            (step - before) * per_step,
            float(entry.get(log.runtime, 0.0)) if evaluated else 0.0,
            float(tests[-1]) if tests and entry is log.evaluations[-1] else None,
            epochs=entry.get("epoch"),
            steps=step,
        )
        before = step


def _rates(log: _Log, unit: str, options: ImportOptions) -> tuple[float, bool]:
    """Cost of a step, and whether evaluations are to be added to it."""
    if unit == "steps":
        return 1.0, False
    if log.step_seconds is not None:
        return log.step_seconds, True
    times = sorted(_checkpoint_times(log).items())
    rates = [(end - start) / (last - first) for (first, start), (last, end) in pairwise(times)]
    usual = median_low(rates) if rates else 0.0  # a pause between two checkpoints is one of several rates
    if not options.file_times or usual <= 0:
        raise InteropError(
            f"{log.folder}: no train_runtime in the log, and no two checkpoints whose times could stand in for it; "
            "give --cost-unit steps"
        )
    return usual, False


def _checkpoint_times(log: _Log) -> dict[int, float]:
    """Step -> when its checkpoint was written; evaluations and saving are in between."""
    states = log.folder.glob(f"checkpoint-*/{_STATE}")
    return {int(read_object(path)["global_step"]): path.stat().st_mtime for path in states}
