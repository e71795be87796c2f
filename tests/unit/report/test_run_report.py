"""The report of a search: from its journal, to a file, and back."""

import json
import math
from dataclasses import replace

import pytest
from finished_search import ENTRIES, LORA

from foretune.errors import JournalError
from foretune.metrics.protocol import Asked
from foretune.metrics.summary import Agreement, Answered
from foretune.report.final_scores import Finalist, GuardChoice, GuardFinalist, GuardScore, Judged, Member, Rise
from foretune.report.run_report import read_run_report, trial_curves, write_run_report


def test_curves_follow_the_journal():
    lora, ia3 = trial_curves(ENTRIES, {LORA.key: [100, 200, 300]})
    assert lora.validation_nll == (2.0, 1.5)
    assert lora.spent_seconds == (12.0, 16.0)
    assert lora.tokens == (100, 200)
    assert (ia3.status, ia3.message, ia3.validation_nll, ia3.tokens) == ("diverged", "loss is NaN", (2.5,), ())


def test_a_report_survives_its_file(report, tmp_path):
    write_run_report(report, tmp_path / "report.json")
    assert read_run_report(tmp_path / "report.json") == report
    member = Member("k", {"method": "lora"}, 2, 0.7)
    average = replace(report.scores[-1], name="average", members=(member,))
    guarded = replace(report.scores[-1], name="guarded", guard=GuardScore("g", 4, 1.0, 0.1, Rise(0.1, 0.02)))
    untouched = replace(report.scores[0], guard=GuardScore("g", 4, 0.9, None))
    choice = GuardChoice(0.1, within=True, kept="k", finalists=(GuardFinalist("k", Rise(0.1, None)),))
    report = replace(report, scores=(untouched, guarded, average), guard=choice)
    write_run_report(report, tmp_path / "report.json")
    assert read_run_report(tmp_path / "report.json") == report
    assert report.returned is average


def test_a_choice_by_answers_survives_its_file(report, tmp_path):
    rows = [
        replace(row, test=replace(row.test, answered=Answered("judge", 3.5, 0.5, 4, 1, agreement)))
        for row, agreement in zip(report.scores, (Agreement(1, 0, 2, 1), None, Agreement()), strict=True)
    ]
    finalists = (Finalist("average", 0.5, None, None, chosen=False), Finalist("lora r8", 0.7, 0.2, 0.1, chosen=True))
    judged, asked = Judged(9, 900, 90, None, Agreement(1, 0, 2, 1)), (Asked("What?", "that"),)
    rows[2] = replace(rows[2], answers=("this",))
    report = replace(
        report,
        scores=tuple(rows), metric="judge", questions=20, finalists=finalists, judged=judged, asked=asked,
        command="foretune tune rows.jsonl",
    )  # fmt: skip
    write_run_report(report, tmp_path / "report.json")
    assert read_run_report(tmp_path / "report.json") == report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not the report.json"),
        ("[]", "is not the report.json"),
        ('{"schema_version": 1}', "is not the report.json"),
    ],
)
def test_a_file_that_is_no_report(tmp_path, content, message):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(JournalError, match=message):
        read_run_report(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "x"}, "the content.seed is 'x', expected int"),
        (
            {"scores": [{"name": "best", "validation": {"nll": "low"}}]},
            r"scores\[0\].validation.nll is 'low', expected float",
        ),
        ({"trials": {}}, "the content.trials is '{}', expected list"),
        ({"guard": []}, r"the content.guard is '\[\]', expected dict"),
        ({"colour": "red"}, "the content has the unknown names 'colour'"),
    ],
)
def test_every_value_of_a_report_is_checked(report, tmp_path, change, message):
    write_run_report(report, path := tmp_path / "report.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(JournalError, match=rf"report\.json of a search \(.*{message}"):
        read_run_report(path)


def test_a_report_of_a_newer_version(report, tmp_path):
    path = tmp_path / "report.json"
    write_run_report(report, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 7}))
    with pytest.raises(JournalError, match=r"schema version 7.*upgrade"):
        read_run_report(path)


def test_measurements_are_plain_numbers(report, tmp_path):
    write_run_report(report, tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert math.isclose(content["scores"][2]["test"]["nll"], 1.5)
    assert content["schema_version"] == 1
