"""Messages between a parent and its worker process: one JSON object a line, never a pickle.

The parent writes a job:

    {"trial": 7, "configuration": {"method": "lora", ...}, "resumes_from": 0, "fidelity": 8,
     "model": "foretune-tiny", "data": "path/to/splits", "train_rows": 500, "validation_rows": null, "test_rows": null,
     "data_seed": 0, "max_length": 512, "end": 4, "directory": "runs/7", "seed": 0, "device": "cpu", "test": true,
     "keep_state": false, "processor_time": false, "timeout_seconds": 600.0, "columns": null, "last_turn_only": false,
     "skip_bad_rows": false, "today": "2026-11-27", "threads": 1}

The worker writes `{"ready": true}` once, when its imports are done, and then one answer per job:

    {"trial": 7, "configuration": {...}, "resumes_from": 0, "fidelity": 8, "status": "ok", "message": "",
     "scores": [...], "slice_seconds": [...], "seconds": 9.1,
     "slices": [{"fidelity": 1, "epochs": 0.6, ...}, ...], "run": {"parameters_trained": 9216, ...}}

`slices` are the lines of `slices.jsonl` up to the fidelity asked, `run` is the content of `run.json`; both are empty
where the run ended before it wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from foretune.journal import report_from_json, report_to_json
from foretune.types import Configuration, Report, Trial


@dataclass(frozen=True)
class Job:
    """A trial with all that is needed to run it elsewhere.

    Attributes:
        trial: configuration and fidelity.
        model: name or folder of the base model.
        data: where `load_splits` finds the dataset.
        directory: where the run keeps its slices and checkpoints.
        train_rows: size of the training set; None for all of it.
        validation_rows: most rows of the validation split; None for all of it.
        test_rows: most rows of the test split; None for all of it.
        data_seed: decides which rows these are, and the splits where the source has none.
        max_length: tokens that an example may have.
        end: the token that ends completions; None to look for it in the base model, which is loaded for that.
        seed: decides the initial adapter and the order of the data.
        device: `cpu`, `cuda`, ...
        test: whether the test split is evaluated, too.
        keep_state: whether checkpoints are written.
        processor_time: whether slices are timed by the processor's clock.
        timeout_seconds: after which the run is stopped; None for never.
        columns: which columns to take; see `load_splits`.
        last_turn_only: learn the last answer of a conversation alone.
        skip_bad_rows: leave out rows that cannot be used.
        today: the day that chat templates are told, in ISO format; None for the day of the job.
        threads: to compute with; None for as many as the worker was started with.
    """

    trial: Trial
    model: str
    data: str
    directory: str
    train_rows: int | None = None
    validation_rows: int | None = None
    test_rows: int | None = None
    data_seed: int = 0
    max_length: int = 512
    end: int | None = None
    seed: int = 0
    device: str = "cpu"
    test: bool = True
    keep_state: bool = True
    processor_time: bool = False
    timeout_seconds: float | None = None
    columns: str | None = None
    last_turn_only: bool = False
    skip_bad_rows: bool = False
    today: str | None = None
    threads: int | None = None


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
    }


def job_from_json(values: Mapping[str, Any]) -> Job:
    """The job that `job_to_json` wrote; KeyError or TypeError if it is none."""
    settings = dict(values)
    configuration = Configuration(settings.pop("configuration"))
    trial = Trial(settings.pop("trial"), configuration, settings.pop("fidelity"), settings.pop("resumes_from"))
    return Job(trial, **settings)


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The answer as plain JSON values."""
    return {
        **report_to_json(answer.report),
        "slices": [dict(line) for line in answer.slices],
        "run": dict(answer.run),
    }


def answer_from_json(values: Mapping[str, Any]) -> Answer:
    """The answer that `answer_to_json` wrote; KeyError or TypeError if it is none."""
    return Answer(report_from_json(values), tuple(values["slices"]), values["run"])


def read_records(directory: Path, fidelity: int) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, Any]]:
    """The files in a run's directory: up to `fidelity` complete lines of `slices.jsonl`, and `run.json`."""
    slices_file, run_file = directory / "slices.jsonl", directory / "run.json"
    lines = slices_file.read_text(encoding="utf-8").split("\n")[:-1] if slices_file.exists() else []
    run = json.loads(run_file.read_text(encoding="utf-8")) if run_file.exists() else {}
    return tuple(json.loads(line) for line in lines[:fidelity]), run
