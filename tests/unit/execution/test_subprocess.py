"""The parent's side, against small programs that speak the protocol (and then misbehave)."""

import os
import sys
import time
from pathlib import Path

import pytest

from foretune.execution.jobs import Job
from foretune.execution.subprocess import Subprocess, Worker
from foretune.request import DataRequest
from foretune.types import Configuration, Status, Trial

PROGRAM = """
import json, os, signal, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    act = job["configuration"]["act"]
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "crash":
        sys.exit("no such device")
    if act == "hang":
        time.sleep(60)
    answer = {name: job[name] for name in ("trial", "configuration", "resumes_from", "fidelity")}
    answer |= {"status": "ok", "message": str(os.getpid()), "scores": [-1.5], "slice_seconds": [0.25], "seconds": 0.25}
    print(json.dumps(answer | {"slices": [{"fidelity": 1}], "run": {"seed": job["seed"]}}), flush=True)
"""


COMMAND = (sys.executable, "-c", PROGRAM)


def a_job(act, directory="nowhere", **settings):
    trial = Trial(3, Configuration({"act": act}), 1)
    return Job(trial, "foretune-tiny", DataRequest("data"), str(directory), **settings)


def test_one_child_answers_job_after_job():
    with Worker(COMMAND) as worker:
        first, second = worker.run(a_job("answer", seed=1)), worker.run(a_job("answer", seed=2))
    assert first.report.message == second.report.message
    assert first.report.status is Status.OK
    assert first.report.curve.scores.tolist() == [-1.5]
    assert first.slices == ({"fidelity": 1},)
    assert (first.run, second.run) == ({"seed": 1}, {"seed": 2})


@pytest.mark.parametrize(
    ("act", "status", "message"),
    [
        ("kill", Status.OUT_OF_MEMORY, "killed by the system, most likely for its memory"),
        ("crash", Status.FAILED, "exit code 1: no such device"),
    ],
)
def test_a_dead_child_is_a_report_and_the_next_job_gets_a_fresh_one(act, status, message):
    with Worker(COMMAND) as worker:
        before = worker.run(a_job("answer"))
        dead = worker.run(a_job(act))
        after = worker.run(a_job("answer"))
    assert dead.report.status is status
    assert message in dead.report.message
    assert len(dead.report.curve) == 0
    assert after.report.status is Status.OK
    assert after.report.message != before.report.message


@pytest.mark.parametrize("act", ["kill", "crash", "answer"])
def test_no_child_is_left_as_a_zombie(act):
    with Worker(COMMAND) as worker:
        number = int(worker.run(a_job("answer")).report.message)
        worker.run(a_job(act))
    with pytest.raises(ChildProcessError):
        os.waitpid(number, os.WNOHANG)


def test_a_child_that_hangs_is_killed_after_its_timeout():
    started = time.monotonic()
    with Worker(COMMAND, grace_seconds=0.1) as worker:
        answer = worker.run(a_job("hang", timeout_seconds=0.1))
    assert answer.report.status is Status.TIMED_OUT
    assert 0.2 <= answer.report.seconds <= time.monotonic() - started < 30


def test_slices_that_a_dead_child_has_finished_are_kept(tmp_path):
    line = '{"fidelity": 1, "validation_nll": 2.5, "train_seconds": 1.0, "evaluation_seconds": 0.5}\n'
    (tmp_path / "slices.jsonl").write_text(line + '{"fidelity": 2, "valid')
    with Worker(COMMAND) as worker:
        answer = worker.run(a_job("kill", tmp_path))
    assert answer.report.curve.scores.tolist() == [-2.5]
    assert answer.report.curve.seconds.tolist() == [1.5]


def test_a_program_that_does_not_start_says_why():
    with Worker((sys.executable, "-c", "raise ImportError('no torch here')")) as worker:
        report = worker.run(a_job("answer")).report
    assert report.status is Status.FAILED
    assert "no torch here" in report.message


def test_the_environment_reaches_the_child():
    program = PROGRAM.replace("str(os.getpid())", "os.environ['OMP_NUM_THREADS']")
    with Worker((sys.executable, "-c", program), environment={"OMP_NUM_THREADS": "7"}) as worker:
        assert worker.run(a_job("answer")).report.message == "7"


def test_a_child_may_be_started_before_its_first_job(tmp_path):
    sign = tmp_path / "started"
    program = f"import os, pathlib\npathlib.Path({str(sign)!r}).write_text(str(os.getpid()))\n" + PROGRAM
    with Worker((sys.executable, "-c", program)) as worker:
        worker.start()
        patience = time.monotonic() + 60
        while not (sign.exists() and sign.read_text()) and time.monotonic() < patience:
            time.sleep(0.01)
        started = sign.read_text()
        assert worker.run(a_job("answer")).report.message == started


def test_as_evaluate_each_configuration_has_a_folder():
    program = PROGRAM.replace("str(os.getpid())", "job['directory']")
    configuration = Configuration({"act": "answer"})
    with Worker((sys.executable, "-c", program)) as worker:
        evaluate = Subprocess(worker, a_job("kill"), Path("trials"))
        report = evaluate(Trial(9, configuration, 1))
    assert report.trial == Trial(9, configuration, 1)
    assert report.message == str(Path("trials") / configuration.key)
