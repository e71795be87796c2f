"""Searches with several worker processes, one of which is killed in its middle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import foretune.cli
from foretune.journal import read_journal

SLICES = 20
"""Two whole runs, and half of a third."""


def words(data, model, output, *options):
    return [
        *("tune", data, "--model", model, "--output", output, "--budget", "1h", "--max-slices", SLICES),
        *("--optimizer", "random", "--candidates", 4, "--no-default-comparison", "--no-average", *options),
    ]


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


def fates(output):
    """All that a search has found out, whatever the order."""
    history = read_journal(output / "journal.jsonl").history
    return sorted((one.trial.configuration.key, one.status, one.curve.scores.tolist()) for one in history)


def children_of(pid):
    """Worker processes of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in listed if "foretune.execution.worker" in Path(f"/proc/{one}/cmdline").read_text()]


def test_a_killed_search_of_two_workers_resumes_with_three_to_what_one_process_finds(data, tiny_model, tmp_path):
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert run(*words(data, tiny_model, alone)) == 0
    command = [sys.executable, "-m", "foretune.cli", *map(str, words(data, tiny_model, killed, "--workers", 2))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 100
    while len(list(killed.glob("trials/*/state/state.safetensors"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.01)
    workers = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(workers) == 2
    while any(Path(f"/proc/{one}").exists() for one in workers):  # which nobody tells to
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert len(fates(killed)) < len(fates(alone)) == 3
    assert run(*words(data, tiny_model, killed, "--resume", "--workers", 3)) == 0
    assert fates(killed) == fates(alone)
    assert sorted(path.name for path in killed.iterdir()) == sorted(path.name for path in alone.iterdir())
