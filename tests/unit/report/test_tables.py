"""Scores and configurations as text."""

from dataclasses import replace

import pytest
from finished_search import LORA
from rich.console import Console

from foretune.metrics.summary import Agreement, Answered
from foretune.report.final_scores import Finalist, GuardScore, Judged, Measurement, Member, ModelScores, Rise
from foretune.report.tables import (
    describe,
    describe_answered,
    describe_cost,
    describe_judged,
    describe_members,
    exact_match,
    finalists_table,
    loss,
    scores_markdown,
    scores_table,
)


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
    shrunk = ModelScores(
        "guarded", row.test, row.test, members=tuple(replace(one, weight=one.weight / 2) for one in members)
    )
    assert scores_markdown([shrunk]).splitlines()[-1].endswith("| 0.5 x the average of 2 runs |")
    alone = replace(shrunk, members=(replace(members[0], weight=0.375),))
    assert scores_markdown([alone]).splitlines()[-1].endswith("| 0.38 x lora r8, lr 0.0073, batch 8, 5 epochs |")
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


def test_a_guard_has_a_column_and_a_sentence():
    measured = Measurement(1.0, 0.5, 0.5)
    rows = [
        ModelScores("zero-shot", measured, measured, guard=GuardScore("other", 80, 2.0, 0.1)),
        ModelScores(
            "best", measured, measured, dict(LORA.values), guard=GuardScore("other", 80, 2.1, 0.1, Rise(-0.05, 0.01))
        ),
    ]
    table, said = scores_markdown(rows).split("\n\n")
    assert [line.split(" | ")[-2] for line in table.splitlines() if "---" not in line] == [
        "guard NLL", "2.0000 ± 0.1", "2.1000 (-5.0% ± 1.0%)"
    ]  # fmt: skip
    assert len({line.count("|") for line in table.splitlines()}) == 1
    assert said == (
        "Guard: other, 80 rows that were not trained on; this adapter changes the loss there by -5.0% ± 1.0%."
    )
    assert [column.header for column in scores_table(rows).columns][-2:] == ["guard NLL", "finetuned with"]


def answered_row(name, nll, mean):
    measured = Measurement(nll, 0.5, 0.25, rows=200, answered=Answered("token_f1", mean, 0.021, 50))
    return ModelScores(name, measured, measured)


def test_the_table_has_a_column_for_the_answers_and_the_best_of_them_in_bold():
    rows = [answered_row("zero-shot", 4.0, 0.1), answered_row("best", 1.0, 0.7), answered_row("chosen", 1.1, 0.8)]
    table = scores_table(rows)
    assert table.title == "Test split, 200 rows, 50 answers (chosen on the validation split)"
    assert [str(row.style) for row in table.rows] == ["", "", "bold green"]
    lines = scores_markdown(rows).splitlines()
    assert lines[0] == "| model | test NLL | token accuracy | exact match | token F1 | finetuned with |"
    assert lines[-1].endswith("| 0.800 ± 0.021 | not finetuned |")
    assert len({line.count("|") for line in lines}) == 1


def cells(table):
    return list(zip(*(column.cells for column in table.columns), strict=True))


def test_finalists_are_shown_with_their_leads(report):
    finalists = (Finalist("average", 0.5, None, None, chosen=False), Finalist("lora r8", 0.7, 0.2, 0.1, chosen=True))
    table = finalists_table(replace(report, metric="rouge_l", questions=50, finalists=finalists))
    assert [column.header for column in table.columns][1] == "ROUGE-L"
    assert cells(table) == [("average", "0.500", "", ""), ("lora r8", "0.700", "0.200 ± 0.1", "chosen")]
    compared = tuple(replace(one, score=None) for one in finalists)
    table = finalists_table(replace(report, metric="judge", questions=50, finalists=compared))
    assert cells(table) == [("average", "", ""), ("lora r8", "0.200 ± 0.1", "chosen")]
    unread = (compared[0], replace(compared[1], unscored=3), replace(compared[1], lead=None, unscored=50, chosen=False))
    table = finalists_table(replace(report, metric="judge", questions=50, finalists=unread))
    assert [lead for _, lead, _ in cells(table)] == ["", "0.200 ± 0.1 (3 without a verdict)", "(50 without a verdict)"]


def test_a_judge_comes_with_its_agreement_and_its_cost():
    judged = Judged(410, 120_000, 24_000, 0.0324, Agreement(50, 20, 10, 20))
    assert describe_judged(judged) == (
        "of 100 answers the judge and exact match say the same of 70% (kappa 0.35); right by the judge alone: 20, by "
        "exact match alone: 10. The judge was asked 410 times: 120,000 prompt tokens, 24,000 tokens of replies, "
        "0.03 dollars."
    )
    assert describe_cost(judged, answers=400).endswith("; for 100 answers 30,000 and 6,000, 0.008 dollars.")
    assert describe_cost(replace(judged, dollars=None), answers=400).endswith("; for 100 answers 30,000 and 6,000.")
    chance = replace(judged, agreement=Agreement(0, 0, 11, 13))
    assert "of 24 answers the judge and exact match say the same of 54% (kappa 0.00)" in describe_judged(chance)
    assert describe_answered(Answered("judge", 3.25, 0.11, 98, 2)) == (
        "judge (1 to 5): 3.250 ± 0.11 (98 answers, 2 without a grade)"
    )
