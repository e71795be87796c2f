"""One folder, one search: what blocks, what does not, what is kept."""

import os
import re
import subprocess
import sys
from socket import gethostname

import pytest

from foretune.errors import JournalError, OutputError
from foretune.journal import JournalEntry, append_entry, create_journal
from foretune.session.folder import JOURNAL, check_folder, holder_of, locked, set_aside
from foretune.session.options import TuneOptions
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

SETTINGS = TuneOptions.of(data="questions.jsonl", model="foretune-tiny")
REPORT = Report(Trial(0, Configuration({"rank": 8}), 1), Status.OK, LearningCurve([-1.0], [1.0]), "", 1.0)
BEGUN = {"data": "questions.jsonl", "model": "foretune-tiny"}


def begun(folder, entries=1, settings=BEGUN):
    folder.mkdir()
    create_journal(folder / JOURNAL, {"settings": settings, "setup_seconds": 1.0})
    for _ in range(entries):
        append_entry(folder / JOURNAL, JournalEntry(REPORT, 2.0))
    return folder


def test_nothing_is_made_by_looking(tmp_path):
    assert check_folder(tmp_path / "run", SETTINGS, resume=False) is None
    with pytest.raises(JournalError, match="there is no search to resume"):
        check_folder(tmp_path / "run", SETTINGS, resume=True)
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_trained_nothing_is_in_nobodys_way(tmp_path):
    run = begun(tmp_path / "run", entries=0)
    assert check_folder(run, SETTINGS, resume=False) is None
    (run / "notes.txt").write_text("mine")
    with pytest.raises(JournalError, match="add --resume"):
        check_folder(run, SETTINGS, resume=False)


def test_a_search_with_reports_is_only_resumed(tmp_path):
    run = begun(tmp_path / "run")
    with pytest.raises(JournalError, match="add --resume"):
        check_folder(run, SETTINGS, resume=False)
    assert check_folder(run, SETTINGS, resume=True)["settings"] == BEGUN


def test_settings_that_an_older_journal_does_not_know_are_at_their_defaults(tmp_path):
    run = begun(tmp_path / "run", settings={**BEGUN, "device": "cuda"})
    assert check_folder(run, TuneOptions.of(**BEGUN, device="auto"), resume=True) is not None
    with pytest.raises(JournalError, match=r"device was 'cuda' and is now 'cpu'"):
        check_folder(run, SETTINGS, resume=True)
    with pytest.raises(JournalError, match=r"candidates was 256 and is now 9"):
        check_folder(run, TuneOptions.of(**BEGUN, device="auto", candidates=9), resume=True)


def test_two_searches_at_once_are_refused(tmp_path):
    code = (
        f"from pathlib import Path\nfrom foretune.session.folder import locked\nwith locked(Path({str(tmp_path)!r})): 1"
    )
    with locked(tmp_path):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(
        rf"JournalError: another search is running in \S+ \(process {os.getpid()} on {re.escape(gethostname())}, "
        r"since \d{4}-\d\d-\d\dT[\d:+-]+\); wait for its end, or give another folder to --output",
        other.stderr,
    )
    assert list(tmp_path.iterdir()) == []
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom foretune.session.folder import locked\n"
        f"with locked(Path({str(tmp_path)!r})): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    dead = holder_of(tmp_path)
    assert check_folder(tmp_path, SETTINGS, resume=False) is None
    with locked(tmp_path):
        assert holder_of(tmp_path).pid == os.getpid() != dead.pid
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_in_a_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    refused = pytest.raises(
        OutputError, match=r"run cannot be written \(Not a directory\). All that was finished before"
    )
    with refused, locked(tmp_path / "file" / "run"):
        pass


def test_what_was_there_is_kept_under_a_number(tmp_path):
    for _ in range(2):
        for name in (JOURNAL, "report.json"):
            (tmp_path / name).write_text("old")
        (tmp_path / "trials").mkdir()
        number = set_aside(tmp_path)
    assert number == "2"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("journal.1.jsonl", "report.1.json", "trials.1", "journal.2.jsonl", "report.2.json", "trials.2"),
    }
