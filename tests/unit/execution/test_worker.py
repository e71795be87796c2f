"""The child's side, without a child."""

import io
import json
import subprocess
import sys
import time

import numpy as np
import pytest

from foretune.errors import DataError, OutputError
from foretune.execution.jobs import Answer, Job, answer_from_json, job_to_json
from foretune.execution.worker import serve
from foretune.request import DataRequest
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


def lines_for(count):
    jobs = [
        Job(Trial(number, Configuration({"number": number}), 1), "model", DataRequest("data"), "directory")
        for number in range(count)
    ]
    return [json.dumps(job_to_json(job)) + "\n" for job in jobs]


def succeed(job):
    curve = LearningCurve(np.array([-float(job.trial.id)]), np.ones(1))
    return Answer(Report(job.trial, Status.OK, curve, "", 1.0), ({"fidelity": 1},), {"seed": job.seed})


def test_it_says_when_it_is_ready_and_answers_in_order():
    output = io.StringIO()
    serve(lines_for(3), output, succeed)
    ready, *answers = [json.loads(line) for line in output.getvalue().splitlines()]
    assert ready == {"ready": True}
    assert [answer_from_json(answer).report.trial.id for answer in answers] == [0, 1, 2]
    assert answer_from_json(answers[2]).slices == ({"fidelity": 1},)


def test_an_impossible_job_is_a_failed_report_and_the_next_is_served():
    def fails_once(job):
        if job.trial.id == 0:
            raise DataError("no such folder")
        return succeed(job)

    output = io.StringIO()
    serve(lines_for(2), output, fails_once)
    first, second = [answer_from_json(json.loads(line)).report for line in output.getvalue().splitlines()[1:]]
    assert (first.status, first.message) == (Status.FAILED, "no such folder")
    assert second.status is Status.OK


def test_a_full_disk_is_an_error_of_the_parent_and_the_next_job_is_served():
    def full_once(job):
        if job.trial.id == 0:
            raise OutputError("run cannot be written")
        return succeed(job)

    output = io.StringIO()
    serve(lines_for(2), output, full_once)
    _, full, answer = [json.loads(line) for line in output.getvalue().splitlines()]
    with pytest.raises(OutputError, match=r"^run cannot be written$"):
        answer_from_json(full)
    assert answer_from_json(answer).report.status is Status.OK


def test_a_line_that_is_no_job_ends_the_worker():
    with pytest.raises(KeyError, match="configuration"):
        serve(["{}\n"], io.StringIO(), succeed)


def test_a_worker_ends_soon_after_its_parent_in_the_middle_of_a_job(tmp_path):
    """Two generations: what is started here starts the one that watches it, and is then killed."""
    sign = tmp_path / "pid"
    watches = (
        "import os, pathlib, threading, time\n"
        "from foretune.execution.worker import _end_with\n"
        "threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()\n"
        f"pathlib.Path({str(sign)!r}).write_text(str(os.getpid()) + '.')\n"
        "time.sleep(60)\n"
    )
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {watches!r}], start_new_session=True)"
    parent = subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE)
    patience = time.monotonic() + 60
    while not (sign.exists() and sign.read_text().endswith(".")):
        assert time.monotonic() < patience
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == b""  # which ends when the child has let go of it, too
    parent.stdout.close()
    assert time.monotonic() < patience
