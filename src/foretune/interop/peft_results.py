"""PEFT's method comparison: a folder of JSON files, one finetuning run each.

The metric is the accuracy on the validation split after every block of steps; the accuracy on the test split belongs to
the last block. The training-set size is the number of samples that a run sees. A slice costs the time since the slice
before; the evaluation is separated from it. The hyperparameters are the settings that most methods share, and
`variant`, PEFT's own name of the rest: two runs never have the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foretune.interop.adapters import adapter_settings
from foretune.interop.documents import files_in, needed, read_object
from foretune.interop.options import ImportOptions, direction_of
from foretune.interop.origin import figures_of
from foretune.interop.recorded import Imported, ImportedTask, RecordedRun, finite_slices, task_of
from foretune.interop.resample import ImportedSlice
from foretune.types import Status, Value

_METRIC = "valid accuracy"
_NUMBER = (int, float)
_ABSENT = "no JSON file in {}; give a folder of results of PEFT's method comparison, such as MetaMathQA/results"


def peft_runs(paths: Sequence[str], options: ImportOptions) -> Imported:
    """Results of PEFT's method comparison, from files or folders of them: one run a file.

    Raises:
        InteropError: naming the file and what it lacks.
    """
    return Imported([_run(file, options) for file in files_in(paths, "*.json", _ABSENT)])


def _run(file: Path, options: ImportOptions) -> RecordedRun:
    found = read_object(file)
    said, trained = (needed(found, name, dict, file) for name in ("run_info", "train_info"))
    config = needed(said, "train_config", dict, f"{file}, run_info")
    name = str(needed(said, "experiment_name", str, f"{file}, run_info"))
    metrics = needed(trained, "metrics", list, f"{file}, train_info")
    slices, status, message = finite_slices(_slices(metrics, options.metric or _METRIC, file))
    if status == Status.OK and trained.get("status") != "success":
        status, message = Status.FAILED, str(said.get("error_msg") or trained.get("status"))
    figures = figures_of(file.parent, options)
    return RecordedRun(
        name,
        _task(found, str(config.get("model_id", "")), options),
        {**adapter_settings(said.get("peft_config")), **_settings(config, file), "variant": _variant(name, config)},
        slices,
        seed=int(config.get("seed") or 0),
        status=status,
        message=message,
        facts={**_facts(found, said, trained), **figures},
    )


def _task(found: Mapping[str, Any], model: str, options: ImportOptions) -> ImportedTask:
    metric = options.metric or _METRIC
    direction = direction_of(metric, options.direction)
    facts: dict[str, Any] = {"rows": _samples(found), "family": "math"}
    return task_of(options, {}, _dataset(found), model, metric.replace(" ", "_"), direction, sized=True, **facts)


def _dataset(found: Mapping[str, Any]) -> str:
    """MetaMathQA in the files of PEFT's first comparison, else the names of the datasets that they list."""
    names = list(found.get("meta_info", {}).get("dataset_info", {}))
    return "MetaMathQA" if "metamath" in names else "+".join(names)


def _samples(found: Mapping[str, Any]) -> int | None:
    """How many training samples the run has seen, each of them once."""
    counts = [int(point["train samples"]) for point in found["train_info"]["metrics"] if "train samples" in point]
    return max(counts, default=None)


def _settings(config: Mapping[str, Any], file: Path) -> dict[str, Value]:
    where = f"{file}, train_config"
    optimizer = needed(config, "optimizer_kwargs", dict, where)
    found: dict[str, Any] = {
        "learning_rate": float(needed(optimizer, "lr", _NUMBER, f"{where}, optimizer_kwargs")),
        "weight_decay": float(optimizer.get("weight_decay", 0.01)),
        "batch_size": int(needed(config, "batch_size", int, where)),
        "schedule": config.get("lr_scheduler"),
        "optimizer": str(config.get("optimizer_type")).lower(),
    }
    return {name: value for name, value in found.items() if value is not None}


def _variant(name: str, config: Mapping[str, Any]) -> str:
    """The rest of an experiment's name (`METHOD/MODEL-REST`)."""
    rest, model = name.rpartition("/")[2], str(config.get("model_id", "")).rpartition("/")[2]
    return rest[len(model) :].lstrip("-") if model and rest.lower().startswith(model.lower()) else rest


def _slices(metrics: Sequence[Mapping[str, Any]], metric: str, file: Path) -> list[ImportedSlice]:
    points = [point for point in metrics if metric in point and "eval time" in point]
    tests = [point["test accuracy"] for point in metrics if metric == _METRIC and "test accuracy" in point]
    before, slices = 0.0, list[ImportedSlice]()
    for number, point in enumerate(points, start=1):
        where = f"{file}, metrics, validation {number}"
        elapsed, evaluated = (float(needed(point, name, _NUMBER, where)) for name in ("elapsed time", "eval time"))
        test = float(tests[-1]) if tests and number == len(points) else None
        slices.append(
            ImportedSlice(
                float(point[metric]),
                max(elapsed - before - evaluated, 0.0),
                evaluated,
                test,
                steps=needed(point, "step", int, where),
            )
        )
        before = elapsed
    return slices


def _facts(found: Mapping[str, Any], said: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    about = found.get("meta_info", {})
    packages = {
        name.removesuffix("-version"): version
        for name, version in about.get("package_info", {}).items()
        if name.endswith("-version") and version
    }
    return {
        "parameters_trained": trained.get("num_trainable_params"),
        "peak_memory_bytes": trained.get("accelerator_memory_max"),
        "hardware": str(about.get("system_info", {}).get("accelerator", "")),
        "versions": packages,
        "started": str(said.get("created_at", "")),
    }
