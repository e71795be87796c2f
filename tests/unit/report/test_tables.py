"""Scores and configurations as text."""

import pytest
from finished_search import LORA
from rich.console import Console

from foretune.report.run_report import (
    Measurement,
    Member,
    ModelScores,
)
from foretune.report.tables import describe, describe_members, exact_match, loss, scores_markdown, scores_table


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


def test_further_epochs_are_called_more():
    more = {**LORA.values, "continues": "a key"}
    assert describe(more, short=True) == "lora r8, lr 0.0073, batch 8, 5 more epochs"
    assert describe({**more, "epochs": 1}, short=True).endswith(", 1 more epoch")
    assert "key" not in describe(more)
    before = [{"epochs": 3}, {"epochs": 2}]
    assert describe(more, short=True, before=before) == "lora r8, lr 0.0073, batch 8, 5 more epochs, 10 in all"


def test_an_average_says_how_many_runs_it_is_of_and_of_which():
    members = tuple(Member(LORA.key, dict(LORA.values), slices, weight) for slices, weight in ((8, 0.7), (3, 0.3)))
    row = ModelScores("average", Measurement(1.0, 0.5, 0.5), Measurement(1.0, 0.5, 0.5), members=members)
    assert scores_markdown([row]).splitlines()[-1] == "| average | 1.0000 | 50.0% | 50.0% | the average of 2 runs |"
    assert describe_members(members) == [f"{weight} x lora r8, lr 0.0073, batch 8, 5 epochs" for weight in (0.7, 0.3)]


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
    assert describe({**LORA.values, "epochs": 1}, short=True).endswith(", 1 epoch")
    assert describe({}) == "not finetuned"
