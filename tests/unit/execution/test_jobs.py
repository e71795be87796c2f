"""Messages between a parent and its worker process, and the files of a run."""

import json
from pathlib import Path

import numpy as np
import pytest

from foretune.execution.jobs import (
    Answer,
    Job,
    answer_from_json,
    answer_to_json,
    job_from_json,
    job_to_json,
    read_records,
)
from foretune.request import DataRequest, Reading
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

TRIAL = Trial(7, Configuration({"method": "lora", "rank": 8}), 8, resumes_from=3)


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (DataRequest("data"), {}),
        (DataRequest("data", 3, 5, 6, 7, max_length=64, end=4), {"timeout_seconds": 2.5, "test": False, "threads": 2}),
        (DataRequest("data", today="2026-11-27", reading=Reading("prompt=Q", True, True)), {}),
    ],
)
def test_a_job_survives_json(data, settings):
    job = Job(TRIAL, "foretune-tiny", data, "runs/7", **settings)
    line = json.dumps(job_to_json(job))
    assert job_from_json(json.loads(line)) == job
    values = json.loads(line)
    assert (values["trial"], values["resumes_from"], values["fidelity"]) == (7, 3, 8)
    assert values["configuration"] == {"method": "lora", "rank": 8}


@pytest.mark.parametrize(
    ("changes", "error"), [({"fidelity": None}, TypeError), ({"colour": 1}, TypeError), ({"model": ...}, TypeError)]
)
def test_what_is_no_job_is_an_error(changes, error):
    values = {**job_to_json(Job(TRIAL, "m", DataRequest("d"), "r")), **changes}
    values = {name: value for name, value in values.items() if value is not ...}
    with pytest.raises(error):
        job_from_json(values)
    with pytest.raises(KeyError, match="configuration"):
        job_from_json({})


def test_an_answer_survives_json():
    curve = LearningCurve(np.array([-1.5, -1.25]), np.array([0.5, 0.75]))
    report = Report(Trial(7, TRIAL.configuration, 2), Status.OK, curve, "", 1.5)
    answer = Answer(report, ({"fidelity": 1}, {"fidelity": 2, "test_nll": None}), {"hardware": "x"})
    values = json.loads(json.dumps(answer_to_json(answer)))
    assert (values["scores"], values["slice_seconds"], values["status"]) == ([-1.5, -1.25], [0.5, 0.75], "ok")
    back = answer_from_json(values)
    assert (back.slices, back.run) == (answer.slices, answer.run)
    assert (back.report.trial, back.report.status, back.report.seconds) == (report.trial, Status.OK, 1.5)
    np.testing.assert_array_equal(back.report.curve.scores, curve.scores)
    with pytest.raises(KeyError, match="run"):
        answer_from_json({name: value for name, value in values.items() if name != "run"})


def test_records_are_the_whole_lines_up_to_a_slice(tmp_path: Path):
    lines = [json.dumps({"fidelity": number}) for number in (1, 2, 3)]
    (tmp_path / "slices.jsonl").write_text("\n".join(lines) + '\n{"fideli')
    assert read_records(tmp_path, 8) == (({"fidelity": 1}, {"fidelity": 2}, {"fidelity": 3}), {})
    (tmp_path / "run.json").write_text('{"seed": 1}')
    assert read_records(tmp_path, 2) == (({"fidelity": 1}, {"fidelity": 2}), {"seed": 1})


@pytest.mark.parametrize("line", ['{"tokens": "x"}', "[]", "[" * 5000, '{"train_seconds": []}'])
def test_damaged_records_are_a_value_error(tmp_path: Path, line: str):
    (tmp_path / "slices.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=r"a slice|nested too deeply"):
        read_records(tmp_path, 1)


def test_a_run_that_wrote_nothing_has_no_records(tmp_path: Path):
    assert read_records(tmp_path / "none", 8) == ((), {})
