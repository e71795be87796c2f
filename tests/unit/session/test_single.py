"""One run of one configuration: what is checked first, and what is shown on the way."""

import io
import json

import pytest
from rich.console import Console

from foretune.errors import DataError, JournalError, ModelError
from foretune.session.folder import is_locked, locked
from foretune.session.options import TuneOptions
from foretune.session.single import _following, check_run, finetune_once


def test_a_finished_run_is_never_overwritten(tmp_path):
    (tmp_path / "adapter").mkdir()
    with pytest.raises(JournalError, match="already holds a finished run; give another folder to --output"):
        check_run(TuneOptions.of("data.jsonl", "foretune-tiny"), tmp_path)


def test_a_file_is_no_folder_and_data_must_be_there(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(JournalError, match="file is a file; give a folder to --output"):
        check_run(TuneOptions.of("data.jsonl", "foretune-tiny"), tmp_path / "file" / "run")
    with pytest.raises(DataError, match="no such file or folder"):
        check_run(TuneOptions.of(str(tmp_path / "none.jsonl"), "foretune-tiny"), tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_two_runs_at_once_are_refused(tmp_path):
    with locked(tmp_path, "run"), pytest.raises(JournalError, match=r"another run is running in .* \(process \d+ on"):
        finetune_once(TuneOptions.of(a_file(tmp_path), "foretune-tiny"), [], tmp_path, Console(file=io.StringIO()))


def test_a_run_that_was_not_begun_leaves_no_folder(tmp_path, monkeypatch):
    def refuse(options):
        assert is_locked(tmp_path / "run")
        raise ModelError("no such device")

    monkeypatch.setattr("foretune.session.single.on_this_machine", refuse)
    with pytest.raises(ModelError, match="no such device"):
        finetune_once(
            TuneOptions.of(a_file(tmp_path), "foretune-tiny"), [], tmp_path / "run", Console(file=io.StringIO())
        )
    assert not (tmp_path / "run").exists()


def a_file(folder):
    rows = [json.dumps({"prompt": f"Question {number}?", "completion": "Yes."}) for number in range(20)]
    (folder / "data.jsonl").write_text("\n".join(rows))
    return str(folder / "data.jsonl")


def test_every_whole_line_is_shown_once_even_the_last_ones(tmp_path):
    def line(fidelity):
        return json.dumps({"fidelity": fidelity, "validation_nll": 2.0 / fidelity}) + "\n"

    console = Console(file=io.StringIO(), width=80)
    with _following(tmp_path / "slices.jsonl", 8, console):
        (tmp_path / "slices.jsonl").write_text(line(1) + line(2) + '{"fidelity": 3')
    assert console.file.getvalue().splitlines() == [
        "slice 1 of 8: validation loss 2.0000",
        "slice 2 of 8: validation loss 1.0000",
    ]


def test_a_run_that_wrote_nothing_or_failed_ends_without_a_line(tmp_path):
    console = Console(file=io.StringIO())
    with pytest.raises(KeyError), _following(tmp_path / "slices.jsonl", 8, console):
        raise KeyError
    assert console.file.getvalue() == ""
