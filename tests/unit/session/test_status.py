"""How far a search is: running, finished or killed, as its files and its lock say."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from finished_search import ENTRIES, LORA, an_entry, reported
from set_clock import set_clock

from foretune.errors import JournalError
from foretune.journal import append_entry, create_journal
from foretune.report.run_report import trial_curves, write_run_report
from foretune.session.folder import JOURNAL, LOCK, PROGRESS, REPORT, is_locked, locked
from foretune.session.status import Best, Training, noting, status_of
from foretune.tuner import Budget, Progress
from foretune.types import Trial

HEADER = {
    "settings": {"data": "questions.jsonl", "model": "foretune-tiny"},
    "zero_shot": {"validation": {"nll": 4.0}},
    "setup_seconds": 5.0,
}
REPORTED = replace(reported(), trials=trial_curves(ENTRIES, {}))
HOLD = """
import sys, time
from pathlib import Path
from foretune.session.folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path):
    """A search with four reports."""
    create_journal(tmp_path / JOURNAL, HEADER)
    for entry in ENTRIES:
        append_entry(tmp_path / JOURNAL, entry)
    return tmp_path


@pytest.fixture
def held(run):
    """A process that runs in the folder."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(run)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def note(run, trial):
    noting(run, Budget(60.0, 20))(Progress((), None, 18.0, trial, (trial,) if trial else ()))


def test_a_running_search_tells_what_it_trains_and_who_it_is(run, held):
    note(run, Trial(4, LORA, 4, resumes_from=2))
    found = status_of(run)
    assert (found.state, found.process.pid, found.process.host) == ("running", held.pid, os.uname().nodename)
    assert found.training == (Training(dict(LORA.values), 3, 4),)
    assert (found.trials, found.failed_trials, found.configurations, found.slices) == (4, 0, 2, 4)
    assert (found.zero_shot_loss, found.best) == (4.0, Best(dict(LORA.values), 2, 1.5))
    assert (found.budget_seconds, found.budget_slices) == (60.0, 20)
    assert found.spent_seconds == pytest.approx(18.0, abs=2.0)
    assert found.left_seconds == pytest.approx(42.0, abs=2.0)
    assert (found.data, found.model) == ("questions.jsonl", "foretune-tiny")


def test_time_goes_on_while_a_trial_is_trained(run):
    with locked(run):
        note(run, None)
        written = json.loads((run / PROGRESS).read_text())
        (run / PROGRESS).write_text(json.dumps({**written, "written": time.monotonic() - 100.0}))
        found = status_of(run)
    assert found.spent_seconds == pytest.approx(118.0, abs=2.0)
    assert (found.left_seconds, found.training) == (0.0, ())


def test_a_killed_search_can_be_told_from_a_finished_one(run, held):
    note(run, Trial(4, LORA, 4, resumes_from=2))
    held.send_signal(signal.SIGKILL)
    held.wait()
    assert (run / LOCK).exists()
    found = status_of(run)
    assert (found.state, found.process, found.training) == ("killed", None, ())
    assert (found.spent_seconds, found.left_seconds) == (18.0, 42.0)
    write_run_report(REPORTED, run / REPORT)
    assert status_of(run).state == "finished"
    append_entry(run / JOURNAL, an_entry(4, LORA, [2.0, 1.5, 1.25], 20.0))
    assert status_of(run).state == "killed"


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_jump_of_the_clock_changes_nothing(run, monkeypatch, jump):
    with locked(run):
        note(run, None)
        set_clock(monkeypatch, jump)
        assert is_locked(run)
        assert status_of(run).spent_seconds == pytest.approx(18.0, abs=5.0)
    write_run_report(REPORTED, run / REPORT)
    os.utime(run / REPORT, (time.time(), time.time()))
    assert status_of(run).state == "finished"


def test_the_time_of_another_machine_is_what_it_has_written_down(run):
    with locked(run):
        note(run, None)
        holder = json.loads((run / LOCK).read_text())
        (run / LOCK).write_text(json.dumps({**holder, "host": "elsewhere"}))
        assert status_of(run).spent_seconds == 18.0


def test_a_search_of_an_earlier_version_has_no_budget(run):
    found = status_of(run)
    assert (found.budget_seconds, found.left_seconds, found.spent_seconds) == (None, None, 18.0)


def test_the_search_of_a_demo_is_found(run, tmp_path_factory):
    demo = tmp_path_factory.mktemp("demo")
    (demo / "search").symlink_to(run)
    assert status_of(demo).trials == 4


def test_where_there_is_no_search_it_says_so(tmp_path):
    with pytest.raises(JournalError, match="nowhere is no folder: a search writes there once model and data are load"):
        status_of(tmp_path / "nowhere")
    with pytest.raises(JournalError, match="holds no search"):
        status_of(tmp_path)


def test_to_ask_keeps_no_search_out(run):
    asking = subprocess.Popen(
        [sys.executable, "-c", f"from foretune.session.status import status_of\nfrom pathlib import Path\n"
         f"while True: status_of(Path({str(run)!r}))"],
    )  # fmt: skip
    write_run_report(REPORTED, run / REPORT)
    try:
        for _ in range(50):
            with locked(run):
                assert is_locked(run)
    finally:
        asking.kill()
        asking.wait()


def test_nothing_heavy_is_imported(run):
    code = (
        "import sys\nfrom foretune.cli import app\n"
        f"try:\n    app(['status', {str(run)!r}])\nfinally:\n"
        "    print(sorted({'torch', 'transformers', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "state    killed",
        "trials   4, with 2 configurations",
        "best     1.5000 after slice 2  lora r8, lr 0.0073, batch 8, 5 epochs  (zero-shot 4.0000)",
        "budget   18 s spent",
        "[]",
    ]
