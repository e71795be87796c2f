"""Searches that somebody ends, by real signals to a process of its own, and data that change under a search."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
import yaml

import foretune.cli
from foretune.journal import read_journal
from foretune.report.run_report import read_run_report

ROWS = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
DIES_AFTER_A_SUM = """
import itertools, os, signal, sys
from foretune import cli
from foretune.finetuning import average

last, sums, write = int(sys.argv.pop(1)), itertools.count(1), average.sum_adapters

def dies(*arguments, **options):
    write(*arguments, **options)
    if next(sums) == last:
        os.kill(os.getpid(), signal.SIGKILL)

average.sum_adapters = dies
cli.app()
"""
"""`foretune`, after a number: of averages written, at the last of which the process kills itself."""
FOREVER = ("--budget", "1h", "--optimizer", "random", "--candidates", "40", "--no-default-comparison")


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "counting.jsonl", ROWS)


def start(data, model, output, *options):
    words = ("tune", data, "--model", model, "--output", output, *FOREVER, *options)
    command = [sys.executable, "-m", "foretune.cli", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def reports(output):
    journal = output / "journal.jsonl"
    return read_journal(journal).history if journal.exists() else ()


def wait_for_reports(process, output, count):
    while process.poll() is None and len(reports(output)) < count:
        time.sleep(0.05)
    assert process.poll() is None, process.stdout.read()


@pytest.mark.parametrize(
    ("number", "options"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ("--isolate",)),
        pytest.param(signal.SIGINT, ("--workers", 2), marks=pytest.mark.slow),
    ],
)
def test_the_first_signal_keeps_the_best(data, tiny_model, tmp_path, number, options):
    output = tmp_path / "run"
    process = start(data, tiny_model, output, *options)
    wait_for_reports(process, output, 1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "it ended because it was interrupted" in said
    report = read_run_report(output / "report.json")
    assert report.reason == "it was interrupted"
    best = next(row for row in report.scores if row.name == "best")
    assert (output / "adapter").is_dir()
    assert yaml.safe_load((output / "best.yaml").read_text())["configuration"] == best.configuration
    assert best.validation.nll == pytest.approx(min(min(one.validation_nll) for one in report.trials), rel=1e-4)
    again = re.search(r"search on +(.*)", said)[1]
    assert shlex.split(again)[:3] == ["foretune", "tune", str(data)]


@pytest.mark.parametrize("options", [(), pytest.param(("--workers", 2), marks=pytest.mark.slow)])
def test_a_second_signal_stops_at_once(data, tiny_model, tmp_path, options):
    output = tmp_path / "run"
    process = start(data, tiny_model, output, *options)
    wait_for_reports(process, output, 1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "nothing is lost" in said
    assert not (output / "report.json").exists()


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app([str(argument) for argument in arguments])
    return stop.value.code


def test_other_data_begin_anew_and_lose_nothing(data, tiny_model, tmp_path, capsys):
    mine, output = write(tmp_path / "mine.jsonl", ROWS), tmp_path / "run"
    words = ("tune", mine, "--model", tiny_model, "--output", output, *FOREVER, "--max-slices", 2)
    assert run(*words) == 0
    earlier = (output / "journal.jsonl").read_bytes()
    write(mine, ROWS[:-4])
    capsys.readouterr()
    assert run(*words, "--resume") == 0
    assert "The dataset has changed since this search began" in " ".join(capsys.readouterr().out.split())
    assert (output / "journal.1.jsonl").read_bytes() == earlier
    assert (output / "adapter.1").is_dir()
    assert read_journal(output / "journal.jsonl").header["rows"]["train"] == 22
    assert len(reports(output)) == 1
    assert run(*words[:-1], 3, "--resume") == 0
    assert "Resuming after 1 trials" in capsys.readouterr().out
    assert not (output / "journal.2.jsonl").exists()


def test_the_budget_counts_from_the_start_of_the_process(data, tiny_model, tmp_path, monkeypatch):
    words = ("tune", data, "--model", tiny_model, "--output", tmp_path / "run", *FOREVER, "--max-slices", 1)
    monkeypatch.setattr(foretune.cli, "seconds_since_start", lambda: 1000.0)
    monkeypatch.setattr(sys, "argv", ["foretune", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        foretune.cli.app()
    assert stop.value.code == 0
    report = read_run_report(tmp_path / "run" / "report.json")
    journal = read_journal(tmp_path / "run" / "journal.jsonl")
    assert 1000.0 < report.setup_seconds < journal.spent_seconds < report.spent_seconds < 1300.0


def test_a_search_killed_at_each_of_its_averages_resumes_to_the_same_adapter(data, tiny_model, tmp_path):
    """Four whole runs, of which five averages are scored; the second is the best."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    words = ("tune", data, "--model", tiny_model, *FOREVER, "--candidates", 12, "--max-slices", 32, "--output")
    assert run(*words, whole) == 0
    for average, resume in enumerate(((), ("--resume",), ("--resume",)), start=1):
        command = [sys.executable, "-c", DIES_AFTER_A_SUM, *map(str, (average, *words, killed, *resume))]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr
        assert (killed / ".average").is_dir()
        assert not (killed / "adapter").exists()
    assert run(*words, killed, "--resume") == 0
    expected, resumed = (read_run_report(folder / "report.json") for folder in (whole, killed))
    assert resumed.scores == expected.scores
    assert [one.weight for one in expected.returned.members] == [0.7, 0.3]
    first, second = (folder / "adapter" / "adapter_model.safetensors" for folder in (whole, killed))
    assert second.read_bytes() == first.read_bytes()
