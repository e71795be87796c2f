"""Jobs on a node of a cluster, without a cluster; `tests/integration/test_ray.py` has some."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import slow_runs
from slow_runs import CANDIDATES, curve_of, run_job

from foretune.errors import DataError
from foretune.execution.jobs import Job, answer_from_json, job_to_json
from foretune.execution.on_ray import do_job, in_slices
from foretune.execution.store import Store
from foretune.request import DataRequest
from foretune.types import CONTINUES, Configuration, Status, Trial


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(slow_runs, "SECONDS", 0.001)


@pytest.fixture
def notes(tmp_path):
    """A folder where each slice that is trained leaves a file."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def a_job(notes, fidelity, resumes_from=0, configuration=CANDIDATES[0], **more):
    trial = Trial(5, configuration, fidelity, resumes_from)
    return Job(trial, str(notes), DataRequest("data"), f"somewhere/{configuration.key}", **more)


def test_what_takes_over_goes_on_from_the_last_slice_in_the_store(tmp_path, notes):
    store, lost = Store(str(tmp_path / "store")), []

    def dies(job):
        answer = run_job(job)
        if job.trial.fidelity == 3:
            lost.append(job)
            raise KeyboardInterrupt
        return answer

    job = a_job(notes, 4)
    with pytest.raises(KeyboardInterrupt):
        in_slices(job, store, tmp_path / "first node", dies)
    answer = in_slices(job, store, tmp_path / "second node", run_job)
    assert answer.report.trial == job.trial
    assert answer.report.curve.scores.tolist() == curve_of(CANDIDATES[0], 4).scores.tolist()
    assert [len(list(notes.glob(f"*-{number}-*"))) for number in (1, 2, 3, 4)] == [1, 1, 2, 1]
    assert json.loads((tmp_path / "store" / CANDIDATES[0].key / "state" / "slices.json").read_text()) == 4


def test_a_run_that_fails_ends_with_its_slice_and_counts_all_seconds(tmp_path, notes):
    def fails(job):
        answer = run_job(job)
        if job.trial.fidelity < 2:
            return answer
        return replace(answer, report=replace(answer.report, status=Status.DIVERGED, message="loss is NaN"))

    report = in_slices(a_job(notes, 4), Store(str(tmp_path / "store")), tmp_path / "node", fails).report
    assert (report.status, report.message, len(report.curve)) == (Status.DIVERGED, "loss is NaN", 2)
    assert report.trial.fidelity == 4
    assert report.seconds == pytest.approx(2 * slow_runs.SECONDS)


def test_a_run_that_continues_another_finds_its_adapter_beside_itself(tmp_path, notes):
    store, seen = Store(str(tmp_path / "store")), []
    (tmp_path / "store" / "earlier" / "best").mkdir(parents=True)
    (tmp_path / "store" / "earlier" / "best" / "adapter").write_text("weights")
    (tmp_path / "store" / "earlier" / "state").mkdir()

    def looks(job):
        seen.append((Path(job.directory).parent / "earlier" / "best" / "adapter").read_text())
        return run_job(job)

    continued = Configuration({"rank": 1, CONTINUES: "earlier"})
    in_slices(a_job(notes, 1, configuration=continued), store, tmp_path / "node", looks)
    assert seen == ["weights"]


def test_the_time_of_a_trial_is_that_of_all_its_slices(tmp_path, notes):
    left = []

    def timed(job):
        left.append(job.timeout_seconds)
        return run_job(job)

    in_slices(a_job(notes, 3, timeout_seconds=60.0), Store(str(tmp_path / "store")), tmp_path / "node", timed)
    assert 60.0 >= left[0] > left[1] > left[2] > 50.0


def test_a_run_that_keeps_no_state_is_done_at_once(tmp_path, notes):
    store = tmp_path / "store"
    answer = in_slices(a_job(notes, 4, keep_state=False), Store(str(store)), tmp_path / "node", run_job)
    assert len(answer.report.curve) == 4
    assert not store.exists()


def test_an_impossible_job_is_a_failed_report(tmp_path, notes):
    def fails(job):
        raise DataError("no such file")

    text = do_job(json.dumps(job_to_json(a_job(notes, 1))), str(tmp_path / "store"), fails)
    report = answer_from_json(json.loads(text)).report
    assert (report.status, report.message) == (Status.FAILED, "no such file")


def test_data_that_are_in_the_store_are_brought_to_the_node_once(tmp_path, notes, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store, found = Store(str(tmp_path / "store")), []
    (tmp_path / "rows.jsonl").write_text("{}")
    store.push(tmp_path / "rows.jsonl", ".data/0123")

    def looks(job):
        found.append(Path(job.data.source))
        assert found[-1].read_text() == "{}"
        return run_job(job)

    job = replace(a_job(notes, 1), data=DataRequest(".data/0123/rows.jsonl"))
    do_job(json.dumps(job_to_json(job)), store.url, looks)
    (tmp_path / "store" / ".data" / "0123" / "rows.jsonl").unlink()
    do_job(json.dumps(job_to_json(job)), store.url, looks)
    assert found == [tmp_path / "foretune-data-0123" / "rows.jsonl"] * 2
