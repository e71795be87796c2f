import json

import numpy as np
import pytest

from foretune.errors import JournalError
from foretune.journal import JournalEntry, append_entry, create_journal, read_journal
from foretune.types import Configuration, LearningCurve, Report, Status, Trial


def an_entry(number=0, *, status=Status.OK, message="", spent=1.5):
    trial = Trial(number, Configuration({"method": "lora", "rank": 8, "learning_rate": 0.01 + number}), 2)
    curve = LearningCurve(np.array([-2.0, -1.0 / 3.0]), np.array([0.5, 0.1]))
    return JournalEntry(Report(trial, status, curve, message, 0.6), spent)


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal.jsonl"
    create_journal(path, {"setup_seconds": 4.25, "settings": {"seed": 3}})
    return path


def test_what_is_written_is_read(journal):
    entries = (an_entry(0), an_entry(1, status=Status.DIVERGED, message="loss is NaN \u2013 stopped", spent=2.0))
    for entry in entries:
        append_entry(journal, entry)

    record = read_journal(journal)

    assert record.header["settings"] == {"seed": 3}
    assert record.entries == entries
    assert record.history == tuple(entry.report for entry in entries)
    assert record.spent_seconds == 2.0


def test_before_the_first_report_the_setup_is_spent(journal):
    assert read_journal(journal).spent_seconds == 4.25


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_half_written_last_line_is_dropped_and_written_over(journal, cut):
    append_entry(journal, an_entry(0))
    whole = journal.read_bytes()
    append_entry(journal, an_entry(1))
    journal.write_bytes(journal.read_bytes()[:-cut])

    assert read_journal(journal).entries == (an_entry(0),)

    append_entry(journal, an_entry(2))
    assert read_journal(journal).entries == (an_entry(0), an_entry(2))
    assert journal.read_bytes().startswith(whole)


def test_damage_inside_is_an_error_with_its_line(journal):
    for number in range(3):
        append_entry(journal, an_entry(number))
    lines = journal.read_text().splitlines()
    lines[2] = lines[2].replace('"fidelity"', '"faithfulness"')
    journal.write_text("\n".join(lines) + "\n")

    with pytest.raises(JournalError, match=r"journal\.jsonl, line 3: not a report \('fidelity'\)"):
        read_journal(journal)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no complete line; delete it"),
        ('{"schema_version": 1', "no complete line; delete it"),
        ("not json\n", "line 1: expected the header"),
        ('{"seed": 1}\n', "line 1: expected the header"),
        ("[]\n", "line 1: expected the header"),
        ('{"schema_version": 99}\n', "schema version 99.*upgrade"),
        ('{"schema_version": 1e999}\n', "line 1: .*schema_version is 'inf', expected int"),
        (
            '{"schema_version": 1, "setup_seconds": null}\n',
            "line 1: .*the header.setup_seconds is 'None', expected float",
        ),
        (
            '{"schema_version": 1, "settings": {"seed": "x"}}\n',
            "line 1: .*the header.settings.seed is 'x', expected int",
        ),
        ("[" * 5000 + "\n", "line 1: .*nested too deeply"),
    ],
)
def test_a_file_that_is_no_journal(tmp_path, content, message):
    path = tmp_path / "journal.jsonl"
    path.write_text(content)
    with pytest.raises(JournalError, match=message):
        read_journal(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trial", "x", "the report.trial is 'x', expected int"),
        ("message", ["x"], "the report.message is .*, expected str"),
        ("scores", {"a": 1}, "the report.scores is .*, expected list"),
        ("configuration", [], "the report.configuration is '\\[\\]', expected dict"),
        ("spent_seconds", None, "the report.spent_seconds is 'None', expected float"),
    ],
)
def test_a_report_of_other_types_is_an_error_with_its_line(journal, name, value, message):
    append_entry(journal, an_entry(0))
    header, line = journal.read_text().splitlines()
    journal.write_text(f"{header}\n{json.dumps({**json.loads(line), name: value})}\n")
    with pytest.raises(JournalError, match=f"line 2: not a report .{message}"):
        read_journal(journal)


def test_every_line_is_json_on_its_own(journal):
    append_entry(journal, an_entry(0, message="two\nlines"))
    lines = journal.read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["message"] == "two\nlines"
