"""What a search makes of a run that its budget has cut off."""

import math

import numpy as np
import pytest
from rich.console import Console

from foretune.errors import JournalError
from foretune.journal import JournalEntry, append_entry, create_journal, read_journal
from foretune.session import search as searching
from foretune.session.folder import locked
from foretune.session.search import reserve, whole_slices
from foretune.tuner import Budget
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

TRIAL = Trial(3, Configuration({"rank": 8}), fidelity=8, resumes_from=2)


def report(slices, status=Status.TIMED_OUT):
    return Report(TRIAL, status, LearningCurve(-np.arange(slices) - 1.0, np.ones(slices)), "stopped", seconds=7.0)


def test_whole_slices_count_and_the_run_stays_open():
    kept = whole_slices(report(5))
    assert (kept.status, kept.message, kept.seconds) == (Status.OK, "", 7.0)
    assert (kept.trial.fidelity, kept.trial.resumes_from, len(kept.curve)) == (5, 2, 5)


@pytest.mark.parametrize("unchanged", [report(2), report(5, Status.DIVERGED), report(8, Status.OK)])
def test_other_reports_stay_as_they_are(unchanged):
    assert whole_slices(unchanged) is unchanged


@pytest.mark.parametrize(
    ("closing", "budget", "slowness", "kept"),
    [
        (5.0, 180.0, 1.0, 8.0),
        (5.0, 180.0, 4.0, 17.0),
        (5.0, 180.0, 0.1, 8.0),
        (5.0, 180.0, 99.0, 35.0),
        (60.0, 100.0, 1.0, 25.0),
        (5.0, math.inf, 1.0, 0.0),
    ],
)
def test_time_is_kept_for_the_end_but_not_most_of_it(closing, budget, slowness, kept):
    assert reserve(closing, budget, slowness=slowness) == kept


def test_of_two_searches_that_begin_at_once_one_is_refused(tmp_path, monkeypatch):
    output = tmp_path / "run"

    def meanwhile(*_, **__):
        output.mkdir()
        create_journal(output / "journal.jsonl", {"setup_seconds": 1.0})
        append_entry(output / "journal.jsonl", JournalEntry(report(8, Status.OK), 2.0))
        return None, True

    for name in ("check_settings", "on_this_machine"):
        monkeypatch.setattr(searching, name, lambda settings, **_: settings)
    monkeypatch.setattr(searching, "_prepare", meanwhile)
    with pytest.raises(JournalError, match="already exists"):
        searching.search(
            searching.TuneOptions.of("questions.jsonl", "foretune-tiny"), Budget(), output, Console(quiet=True)
        )
    assert len(read_journal(output / "journal.jsonl").entries) == 1


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_use_is_refused_before_anything_is_looked_at(tmp_path, resume):
    with locked(tmp_path), pytest.raises(JournalError, match=r"another search is running in \S+ \(process \d+ on "):
        searching.search(None, Budget(60.0), tmp_path, Console(quiet=True), resume=resume)


def test_a_journal_keeps_what_was_asked_for_flat():
    asked = {"columns": "prompt=Q", "max_length": 64, "train_rows": 9, "seed": 3, "skip_bad_rows": True}
    options = searching.TuneOptions.of(
        "questions.jsonl", "foretune-tiny", today="2026-02-27", surrogates="mine", **asked
    )
    assert (options.data.today, options.data.reading.skip_bad_rows, options.seed) == ("2026-02-27", True, 3)
    assert options.to_json() == {
        **asked,
        "data": "questions.jsonl",
        "model": "foretune-tiny",
        "surrogate": "mine",
        "device": "cpu",
        "space": "peft",
        "optimizer": "transfer-in-context",
        "candidates": 256,
        "last_turn_only": False,
    }
