"""Collecting with a made-up finetuning: what is run, what is written, what a restart does."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from foretune.collect import collect, finish
from foretune.errors import MetaDatasetError
from foretune.execution.jobs import Answer
from foretune.metadata import read_meta_dataset
from foretune.metadata.collection import Collection, command
from foretune.metadata.log import RUNS_LOG
from foretune.metadata.source import TaskSource
from foretune.request import Reading
from foretune.space import load_space
from foretune.types import LearningCurve, Report, Status

SLICES = 3


def describe(source):
    scores = {"value": 4.0, "token_accuracy": 0.1, "exact_match": 0.0}
    return {
        "task": source.task("tiny"),
        "dataset": source.name,
        "model": "tiny",
        "metric": "validation_nll",
        "direction": "minimize",
        "cost_unit": "seconds",
        **source.card(),
        "n_train": source.rows,
        "n_validation": 20,
        "n_test": 20,
        "max_fidelity": SLICES,
        **{f"zero_shot_{split}_{name}": value for split in ("validation", "test") for name, value in scores.items()},
        "feature.log_train_tokens": 3.0,
    }


def answer(job, status=Status.OK, message=""):
    count = SLICES if status is Status.OK else 1
    seconds = [1.5] * count
    losses = [3.0 - 0.1 * fidelity + (job.seed % 100) / 1000 for fidelity in range(count)]
    report = Report(job.trial, status, LearningCurve([-loss for loss in losses], seconds), message)
    scores = {f"{split}_{name}": 0.5 for split in ("validation", "test") for name in ("token_accuracy", "exact_match")}
    slices = tuple(
        {
            "fidelity": fidelity,
            "epochs": 1.0,
            "steps": 10,
            "tokens": 100,
            "validation_nll": loss,
            "test_nll": None,
            **scores,
            "train_seconds": 1.0,
            "evaluation_seconds": 0.5,
        }
        for fidelity, loss in enumerate(losses, start=1)
    )
    run = {"parameters_trained": 9, "peak_memory_bytes": 99, "hardware": "x", "versions": {}, "started": "now", "a": 1}
    return Answer(report, slices, run)


class Runners:
    """Counts jobs, and answers or raises as told."""

    def __init__(self, do=answer):
        self.jobs = []
        self.open = 0
        self._do = do
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self):
        self.open += 1
        yield self._run
        self.open -= 1

    def _run(self, job):
        with self._lock:
            self.jobs.append(job)
        return self._do(job)


@pytest.fixture
def collection(tmp_path):
    sources = [TaskSource(tmp_path / "data" / name, 50) for name in ("a", "b")]
    return Collection(sources, "models/tiny", load_space("peft"), configurations=4, seed=1, timeout_seconds=9.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "meta"


@pytest.mark.parametrize("workers", [1, 3])
def test_every_planned_run_is_in_the_tables(collection, folder, workers):
    runners, seen = Runners(), []
    meta = collect(collection, folder, describe=describe, start_runner=runners, workers=workers, observe=seen.append)
    assert meta.task_ids == ("a@50:tiny", "b@50:tiny")
    assert meta.runs.groupby("task").size().tolist() == [4, 4]
    assert set(meta.models.values()) == {"tiny"}
    assert meta.default("a@50:tiny") == load_space("peft").default()
    assert (runners.open, len(runners.jobs)) == (0, 8)
    assert [progress.finished for progress in seen] == list(range(9))
    assert seen[-1].planned == seen[-1].fresh == 8
    assert read_meta_dataset(folder).configurations == meta.configurations


def test_tables_without_logs_are_gone_on_with(collection, folder, tmp_path):
    collect(collection, folder, describe=describe, start_runner=Runners())
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("tasks.parquet", "runs.parquet", "curves.parquet", "metadata.json"):
        (copy / name).write_bytes((folder / name).read_bytes())
    runners = Runners()
    larger = replace(collection, configurations=6)
    meta = collect(larger, copy, describe=None, start_runner=runners)
    assert len(runners.jobs) == 4
    again = read_meta_dataset(folder)
    for run in again.runs["run"]:
        assert meta.configurations[run] == again.configurations[run]
        assert meta.curve(run) == again.curve(run)
    with pytest.raises(MetaDatasetError, match="was collected with model"):
        collect(replace(larger, model="other"), copy, describe=None, start_runner=runners)


def test_jobs_say_all_that_a_worker_needs(collection, folder, tmp_path):
    runners = Runners()
    collect(collection, folder, describe=describe, start_runner=runners)
    job = runners.jobs[0]
    assert (job.model, job.data.source, job.data.train_rows) == ("models/tiny", str(tmp_path / "data" / "a"), 50)
    assert (job.trial.fidelity, job.timeout_seconds, job.keep_state, job.test) == (SLICES, 9.0, False, True)
    assert len({job.seed for job in runners.jobs}) == len({job.directory for job in runners.jobs}) == 8


def test_an_interrupted_collection_goes_on_and_ends_the_same(collection, folder, tmp_path):
    def interrupted(job):
        if len(first.jobs) == 4:
            raise KeyboardInterrupt
        return answer(job)

    first, second = Runners(interrupted), Runners()
    with pytest.raises(KeyboardInterrupt):
        collect(collection, folder, describe=describe, start_runner=first)
    with (folder / RUNS_LOG).open("a") as log:
        log.write('{"run": {"run": "half')
    meta = collect(collection, folder, describe=_never, start_runner=second)
    whole = Runners()
    uninterrupted = collect(collection, tmp_path / "whole", describe=describe, start_runner=whole)
    assert [job.seed for job in (*first.jobs[:3], *second.jobs)] == [job.seed for job in whole.jobs]
    assert meta.runs.equals(uninterrupted.runs)
    assert meta.curves.equals(uninterrupted.curves)


def _never(source):
    raise AssertionError(source)


def test_a_finished_collection_starts_nothing(collection, folder):
    collect(collection, folder, describe=describe, start_runner=Runners())
    again = Runners()
    assert len(collect(collection, folder, describe=_never, start_runner=again).runs) == 8
    assert again.jobs == []


def test_runs_that_went_wrong_are_data(collection, folder):
    def diverge(job):
        long = job.trial.configuration.values["epochs"] > 3
        return answer(job, Status.DIVERGED, "the loss is not finite") if long else answer(job)

    meta = collect(collection, folder, describe=describe, start_runner=Runners(diverge))
    lengths = {status: {len(meta.curve(run)) for run in rows["run"]} for status, rows in meta.runs.groupby("status")}
    assert lengths == {"ok": {SLICES}, "diverged": {1}}


def test_failed_runs_are_tried_again_at_the_next_start(collection, folder):
    def fail_once(job):
        return answer(job, Status.FAILED, "no disk") if len(first.jobs) == 2 else answer(job)

    first, second = Runners(fail_once), Runners()
    assert "no disk" in set(collect(collection, folder, describe=describe, start_runner=first).runs["message"])
    meta = collect(collection, folder, describe=describe, start_runner=second)
    assert [job.seed for job in second.jobs] == [first.jobs[1].seed]
    assert set(meta.runs["status"]) == {"ok"}


def test_run_after_run_failing_stops_the_collection(collection, folder):
    def fail(job):
        return answer(job, Status.FAILED, "no such model")

    runners = Runners(fail)
    big = Collection(collection.sources, "tiny", collection.space, configurations=20)
    with pytest.raises(MetaDatasetError, match=r"8 runs in a row failed, the last, .*, with: no such model; mend"):
        collect(big, folder, describe=describe, start_runner=runners)
    assert len(runners.jobs) == 8


def test_another_model_needs_another_folder(collection, folder):
    collect(collection, folder, describe=describe, start_runner=Runners())
    other = Collection(collection.sources, "other", collection.space, configurations=4)
    with pytest.raises(MetaDatasetError, match="collected with model 'tiny', not 'other'; use another --out"):
        collect(other, folder, describe=describe, start_runner=Runners())


def test_how_the_data_is_read_is_kept(collection, folder):
    runners = Runners()
    reading = replace(collection, reading=Reading("prompt=Q,completion=A", skip_bad_rows=True))
    collect(reading, folder, describe=describe, start_runner=runners)
    assert {job.data.reading for job in runners.jobs} == {Reading("prompt=Q,completion=A", skip_bad_rows=True)}
    assert command(reading).endswith(" --columns prompt=Q,completion=A --skip-bad-rows")
    with pytest.raises(MetaDatasetError, match="collected with columns 'prompt=Q,completion=A', not None; use another"):
        collect(collection, folder, describe=describe, start_runner=Runners())


def test_more_tasks_and_configurations_can_be_added(collection, folder, tmp_path):
    collect(collection, folder, describe=describe, start_runner=Runners())
    sources = [*collection.sources, TaskSource(tmp_path / "data" / "c", 50)]
    runners = Runners()
    meta = collect(
        Collection(sources, "tiny", collection.space, configurations=4, seed=1),
        folder,
        describe=describe,
        start_runner=runners,
    )
    assert (len(runners.jobs), len(meta.runs)) == (4, 12)


def test_no_path_of_this_machine_is_in_the_tables(collection, folder, tmp_path):
    collect(collection, folder, describe=describe, start_runner=Runners())
    assert all(str(tmp_path).encode() not in file.read_bytes() for file in folder.iterdir())


def test_finish_compiles_what_there_is(collection, folder):
    collect(collection, folder, describe=describe, start_runner=Runners())
    lines = (folder / RUNS_LOG).read_text().splitlines(keepends=True)
    (folder / RUNS_LOG).write_text("".join(lines[:5]))
    assert len(finish(folder).runs) == len(read_meta_dataset(folder).runs) == 5
    assert len({json.loads(line)["run"]["run"] for line in lines}) == 8


def test_finish_needs_a_collection(tmp_path):
    with pytest.raises(MetaDatasetError, match=r"holds no collection \(collection.json is missing\)"):
        finish(tmp_path)


def test_all_commands_are_kept(collection, folder):
    for one in (collection, collection, replace(collection, repeats=1)):
        meta = collect(one, folder, describe=describe, start_runner=Runners())
    first, second = meta.provenance["commands"]
    assert second == f"{first} --repeats 1"
    assert len(meta.runs) == 16
