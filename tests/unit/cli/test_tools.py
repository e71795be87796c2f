"""The tools of `foretune mcp` without an agent: which search they begin, and what they say of it."""

import json
import subprocess
import sys

import pytest
from finished_search import ENTRIES, LORA, reported, scored

from foretune.cli import app
from foretune.cli.tools import Tools
from foretune.errors import ConfigurationError, DataError, JournalError
from foretune.journal import append_entry, create_journal
from foretune.report.run_report import trial_curves, write_run_report
from foretune.session.folder import JOURNAL, REPORT, locked


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What comes after {number}?", "completion": str(number + 1)} for number in range(40)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.fixture
def begun(monkeypatch):
    """Commands that are begun; in their place a program runs that says a line, and ends with the given code."""
    commands = []
    real = subprocess.Popen

    def begin(command, **given):
        commands.append((command, given))
        return real([sys.executable, "-c", "import sys; print('foretune: memory is short'); sys.exit(2)"], **given)

    monkeypatch.setattr(subprocess, "Popen", begin)
    return commands


def wait_for(tools):
    for process in tools._begun.values():
        process.wait()


def test_a_search_is_begun_in_a_process_of_its_own(place, begun):
    tools = Tools()
    found = tools.tune("questions.jsonl", "run", "1m", seed=3, max_slices=2, guard="general")
    assert (found["run"], found["state"], found["log"]) == (str(place / "run"), "loading", str(place / "run.log"))
    ((command, given),) = begun
    asked = ["--budget", "1m", "--model", "foretune-tiny", "--seed", "3", "--max-slices", "2", "--space", "peft"]
    expected = [str(place / "questions.jsonl"), "--output", str(place / "run"), *asked, "--guard", "general"]
    assert command == [sys.executable, "-m", "foretune.cli", "tune", *expected]
    assert given["start_new_session"] is True
    wait_for(tools)


def test_a_search_that_ended_before_it_began_says_why(place, begun):
    tools = Tools()
    tools.tune("questions.jsonl", "run", "1m")
    wait_for(tools)
    with pytest.raises(JournalError, match=r"^the search has ended with exit code 2: memory is short$"):
        tools.status("run")
    create_journal_in(place / "run")
    found = tools.status("run")
    assert (found["state"], found["message"], found["trials"]) == ("killed", "memory is short", 4)


def test_mistakes_are_told_before_anything_begins(place, begun):
    tools = Tools()
    with pytest.raises(ConfigurationError, match="'soon'"):
        tools.tune("questions.jsonl", "run", "soon")
    with pytest.raises(DataError, match=r"question.jsonl: no such file or folder \(did you mean questions.jsonl\?\)"):
        tools.tune("question.jsonl", "run", "1m")
    with locked(place / "run"), pytest.raises(JournalError, match=r"another search is running in \S+ \(process"):
        tools.tune("questions.jsonl", "run", "1m", resume=True)
    assert begun == []
    assert not (place / "run.log").exists()


def test_the_report_of_a_running_search_is_not_there_yet(place):
    create_journal_in(place / "run")
    (place / "run" / "adapter").mkdir()
    (place / "run" / "adapter" / "adapter_config.json").write_text("{}")
    report = reported(scored("best", 1.5, LORA, 2), trials=trial_curves(ENTRIES, {}), best_key=LORA.key)
    write_run_report(report, place / "run" / REPORT)
    with locked(place / "run"), pytest.raises(JournalError, match="is still running; ask for its status"):
        Tools().report("run")
    found = Tools().report("run")
    assert (found["returned"], found["configuration"], found["adapter"]) == (
        "best",
        dict(LORA.values),
        str(place / "run" / "adapter"),
    )


def test_without_the_library_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(SystemExit) as stop:
        app(["mcp"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("install with: pip install 'foretune[mcp]'\n")


def create_journal_in(folder):
    folder.mkdir()
    create_journal(folder / JOURNAL, {"setup_seconds": 1.0})
    for entry in ENTRIES:
        append_entry(folder / JOURNAL, entry)
