import json
import math

import numpy as np
import pytest
from rich.console import Console

from foretune.errors import JournalError
from foretune.journal import JournalEntry
from foretune.report.curves import draw_curves, save_curves
from foretune.report.run_report import (
    Measurement,
    ModelScores,
    RunReport,
    best_so_far,
    read_run_report,
    trial_curves,
    write_run_report,
)
from foretune.report.tables import describe, exact_match, loss, scores_markdown, scores_table
from foretune.types import Configuration, LearningCurve, Report, Status, Trial

LORA = Configuration(
    {"method": "lora", "rank": 8, "learning_rate": 0.00731, "batch_size": 8, "epochs": 5, "warmup": 0.1}
)
IA3 = Configuration({"method": "ia3", "learning_rate": 0.02, "batch_size": 4, "epochs": 2})


def an_entry(number, configuration, losses, spent, status=Status.OK, message=""):
    fidelity = len(losses) + (status is not Status.OK)
    trial = Trial(number, configuration, fidelity, resumes_from=fidelity - 1)
    curve = LearningCurve(-np.array(losses, dtype=float), np.full(len(losses), 2.0))
    return JournalEntry(Report(trial, status, curve, message, 2.0), spent)


ENTRIES = (
    an_entry(0, LORA, [2.0], 12.0),
    an_entry(1, IA3, [2.5], 14.0),
    an_entry(2, LORA, [2.0, 1.5], 16.0),
    an_entry(3, IA3, [2.5], 18.0, Status.DIVERGED, "loss is NaN"),
)


def scored(name, nll, configuration=None, slices=0):
    measurement = Measurement(nll, 0.5, 0.25)
    return ModelScores(name, measurement, measurement, dict(configuration.values) if configuration else {}, slices)


@pytest.fixture
def report():
    return RunReport(
        data="facts",
        model="foretune-tiny",
        optimizer="transfer",
        seed=0,
        budget_seconds=20.0,
        spent_seconds=18.5,
        setup_seconds=10.0,
        reason="the seconds of the budget are spent",
        max_fidelity=8,
        best_key=LORA.key,
        default_key=IA3.key,
        scores=(scored("zero-shot", 4.0), scored("default", 2.5, IA3, 1), scored("best", 1.5, LORA, 2)),
        trials=trial_curves(ENTRIES, {LORA.key: [100, 200, 300]}),
        notes=("3 rows were cut to 256 tokens",),
    )


def test_curves_follow_the_journal():
    lora, ia3 = trial_curves(ENTRIES, {LORA.key: [100, 200, 300]})
    assert lora.validation_nll == (2.0, 1.5)
    assert lora.spent_seconds == (12.0, 16.0)
    assert lora.tokens == (100, 200)
    assert (ia3.status, ia3.message, ia3.validation_nll, ia3.tokens) == ("diverged", "loss is NaN", (2.5,), ())


def test_the_best_so_far_only_comes_down():
    assert best_so_far(ENTRIES) == [(12.0, 2.0), (16.0, 1.5)]
    assert best_so_far(()) == []


def test_a_report_survives_its_file(report, tmp_path):
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


def test_a_report_of_a_newer_version(report, tmp_path):
    path = tmp_path / "report.json"
    write_run_report(report, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 7}))
    with pytest.raises(JournalError, match=r"schema version 7.*upgrade"):
        read_run_report(path)


def test_curves_are_drawn_with_the_winner_marked(report, tmp_path):
    save_curves(report, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    left, right = draw_curves(report).axes
    labels = left.get_legend_handles_labels()[1]
    assert labels == [
        "zero-shot",
        "default: ia3, lr 0.02, batch 4, 2 epochs",
        "best: lora r8, lr 0.0073, batch 8, 5 epochs",
    ]
    best = right.get_legend_handles_labels()[0][2]
    assert best.get_ydata()[-1] == 1.5


def test_a_diverged_run_does_not_squeeze_the_others(report):
    wild = an_entry(4, Configuration({"method": "full", "learning_rate": 1.0}), [500.0], 19.0)
    figure = draw_curves(RunReport(**{**vars(report), "trials": trial_curves((*ENTRIES, wild), {})}))
    assert figure.axes[0].get_ylim()[1] < 10.0


def test_the_tables_name_every_model_and_its_scores(report):
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(scores_table(report.scores))
    console.file.close()
    text = console.export_text()
    markdown = scores_markdown(report.scores)
    for shown in (text, markdown):
        for word in ("zero-shot", "4.0000", "default", "2.5000", "best", "1.5000", "25.0%", "not finetuned", "lora r8"):
            assert word in shown
    assert len({line.count("|") for line in markdown.splitlines()}) == 1


@pytest.mark.parametrize(
    ("share", "rows", "text"),
    [
        (1.0, 2, "2 of 2 (34-100%)"),
        (0.0, 12, "0 of 12 (0-24%)"),
        (0.985, 200, "98.5% (96-99%)"),
        (0.5, 0, "50.0%"),
    ],
)
def test_an_exact_match_comes_with_what_its_rows_can_tell(share, rows, text):
    # The intervals are Wilson's, as statsmodels' proportion_confint(method="wilson") gives them.
    assert exact_match(Measurement(1.0, 0.5, share, rows=rows)) == text


def test_a_loss_comes_with_its_standard_error_where_that_is_known():
    assert loss(Measurement(1.5, 0.5, 0.25)) == "1.5000"
    assert loss(Measurement(1.5, 0.5, 0.25, nll_error=0.0523)) == "1.5000 ± 0.052"


def test_the_table_says_how_many_rows_it_is_of(report):
    measured = Measurement(1.5, 0.5, 0.25, rows=1200)
    table = scores_table([ModelScores("best", measured, measured)])
    assert table.title == "Test split, 1,200 rows (chosen on the validation split)"


def test_describing_a_configuration():
    assert describe(LORA.values) == "lora r8, lr 0.0073, batch 8, 5 epochs, warmup 0.1"
    assert describe(LORA.values, short=True) == "lora r8, lr 0.0073, batch 8, 5 epochs"
    assert describe({}) == "not finetuned"


def test_measurements_are_plain_numbers(report, tmp_path):
    write_run_report(report, tmp_path / "report.json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert math.isclose(content["scores"][2]["test"]["nll"], 1.5)
    assert content["schema_version"] == 1
