"""Messages between a parent and its worker process."""

import sys

from foretune.execution.jobs import Job, answer_to_json, job_from_json, job_to_json
from foretune.execution.subprocess import Worker
from foretune.types import Configuration, Trial

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
    return Job(trial, "foretune-tiny", "data", str(directory), **settings)


def test_jobs_and_answers_survive_json():
    job = a_job("answer", train_rows=5, timeout_seconds=2.5, max_length=64)
    assert job_from_json(job_to_json(job)) == job
    with Worker(COMMAND) as worker:
        answer = worker.run(job)
    assert answer_to_json(answer)["scores"] == [-1.5]
