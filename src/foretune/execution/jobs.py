"""Messages between a parent and its worker process: one JSON object a line, never a pickle.

The parent writes a job:

    {"trial": 7, "configuration": {"method": "lora", ...}, "resumes_from": 0, "fidelity": 8,
     "model": "foretune-tiny", "data": {"source": "path/to/splits", "seed": 0, "train_rows": 500, ...},
     "directory": "runs/7", "seed": 0, "device": "cpu", "test": true, "keep_state": false, "processor_time": false,
     "timeout_seconds": 600.0, "threads": 1, "memory_bytes": null}

The worker writes `{"ready": true}` once, when its imports are done, and then one answer per job:

    {"trial": 7, "configuration": {...}, "resumes_from": 0, "fidelity": 8, "status": "ok", "message": "",
     "scores": [...], "slice_seconds": [...], "seconds": 9.1,
     "slices": [{"fidelity": 1, "epochs": 0.6, ...}, ...], "run": {"parameters_trained": 9216, ...}}

or, where the folder cannot be written to, `{"unwritable": "..."}`, which ends the search.

`slices` are the lines of `slices.jsonl` up to the fidelity asked, `run` is the content of `run.json`; both are empty
where the run ended before it wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from foretune.errors import OutputError
from foretune.journal import report_from_json, report_to_json
from foretune.parsing import parse_json, read_as
from foretune.request import DataRequest
from foretune.types import Configuration, Report, Trial, Value

_SLICE: Mapping[str, Any] = {
    **dict.fromkeys(("fidelity", "tokens"), int),
    "validation_nll": float,
    **dict.fromkeys(("train_seconds", "evaluation_seconds"), float | None),
}
_RUN: Mapping[str, Any] = {
    "configuration": Mapping[str, Value],
    "peak_memory_bytes": int | None,
    **dict.fromkeys(("hardware", "started"), str),
}
"""Kinds of what the files of a run say, as far as they say it."""


@dataclass(frozen=True)
class Job:
    """A trial with all that is needed to run it elsewhere.

    Attributes:
        trial: configuration and fidelity.
        model: name or folder of the base model.
        data: the dataset; without an `end`, that is looked for in the base model, which is loaded for it.
        directory: where the run keeps its slices and checkpoints.
        seed: decides the initial adapter and the order of the data.
        device: `cpu`, `cuda`, ...
        test: whether the test split is evaluated, too.
        keep_state: whether checkpoints are written.
        processor_time: whether slices are timed by the processor's clock.
        timeout_seconds: after which the run is stopped; None for never.
        threads: to compute with; None for as many as the worker was started with.
        memory_bytes: of the device that steps are planned with at most; None for all that is free.
    """

    trial: Trial
    model: str
    data: DataRequest
    directory: str
    seed: int = 0
    device: str = "cpu"
    test: bool = True
    keep_state: bool = True
    processor_time: bool = False
    timeout_seconds: float | None = None
    threads: int | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True)
class Answer:
    """Result of a job.

    Attributes:
        report: as the optimizer is told.
        slices: the lines of `slices.jsonl` up to the fidelity of the trial.
        run: the content of `run.json`.
    """

    report: Report
    slices: tuple[Mapping[str, Any], ...] = ()
    run: Mapping[str, Any] = field(default_factory=dict)


def job_to_json(job: Job) -> dict[str, Any]:
    """The job as plain JSON values."""
    settings = {field.name: getattr(job, field.name) for field in fields(job) if field.name != "trial"}
    trial = job.trial
    return {
        "trial": trial.id,
        "configuration": dict(trial.configuration.values),
        "resumes_from": trial.resumes_from,
        "fidelity": trial.fidelity,
        **settings,
        "data": asdict(job.data),
    }


def job_from_json(values: Mapping[str, Any]) -> Job:
    """The job that `job_to_json` wrote; KeyError or TypeError if it is none."""
    settings = dict(values)
    configuration = Configuration(settings.pop("configuration"))
    trial = Trial(settings.pop("trial"), configuration, settings.pop("fidelity"), settings.pop("resumes_from"))
    return Job(trial, data=DataRequest.from_json(settings.pop("data")), **settings)


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain JSON values."""
    return {
        **report_to_json(answer.report),
        "slices": [dict(line) for line in answer.slices],
        "run": dict(answer.run),
    }


def answer_from_json(values: Mapping[str, Any]) -> Answer:
    """The answer that `answer_to_json` wrote; KeyError or TypeError if it is none.

    Raises:
        OutputError: the worker could not write to the folder of the run.
    """
    if "unwritable" in values:
        raise OutputError(values["unwritable"])
    return Answer(report_from_json(values), tuple(values["slices"]), values["run"])


def read_records(directory: Path, fidelity: int) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, Any]]:
    """The files in a run's directory: up to `fidelity` complete lines of `slices.jsonl`, and `run.json`.

    Raises:
        ValueError: they are damaged.
    """
    slices_file, run_file = directory / "slices.jsonl", directory / "run.json"
    lines = slices_file.read_text(encoding="utf-8").split("\n")[:-1] if slices_file.exists() else []
    run = read_as(dict(_RUN), parse_json(run_file.read_bytes()), "run.json") if run_file.exists() else {}
    return tuple(read_as(dict(_SLICE), parse_json(line), "a slice") for line in lines[:fidelity]), run
