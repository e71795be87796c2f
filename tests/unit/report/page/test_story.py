"""What a page says of a run: the choice, the costs, the table, the figures at the top."""

from dataclasses import replace

import pytest
from finished_folder import HEADER, write_folder, write_run
from finished_search import ENTRIES, IA3, LORA, an_entry, scored

from foretune.metrics.protocol import Asked
from foretune.metrics.summary import Answered
from foretune.report.final_scores import Finalist, GuardChoice, GuardFinalist, GuardScore, Measurement, Member, Rise
from foretune.report.page.answers import answers_of
from foretune.report.page.chart import WIDE, draw
from foretune.report.page.costs import costs_of, memory_of
from foretune.report.page.curves import kinds_of, learning_curves, search_chart
from foretune.report.page.reasons import reasons_of
from foretune.report.page.record import read_record
from foretune.report.page.summary import asked_of, environment_of, figures_of, short_name
from foretune.report.page.table import table_of
from foretune.types import CONTINUES, Configuration

MORE = Configuration({**LORA.values, CONTINUES: LORA.key})
MEMBERS = (Member(LORA.key, dict(LORA.values), 2, 0.7), Member(IA3.key, dict(IA3.values), 1, 0.3))


@pytest.fixture
def record(report, tmp_path):
    """Of the search, with changes to its report."""

    def make(**changes):
        return read_record(write_folder(tmp_path, replace(report, **changes)))

    return make


def averaged(report):
    row = replace(scored("average", 1.25), members=MEMBERS)
    return (*report.scores, row)


def test_the_best_run_is_returned_for_its_loss(record):
    said = reasons_of(record())
    assert said == [
        "It has the least validation loss of the search, 1.5000 after slice 2 of 8. It is a single run, not an average."
    ]


def test_an_average_is_returned_for_its_loss(record, report):
    made = record(scores=averaged(report))
    assert reasons_of(made)[0] == (
        "An average of 2 runs is returned, because its validation loss of 1.2500 is less than that of the best single "
        "run, 1.5000."
    )
    assert kinds_of(made.report) == {LORA.key: "best", IA3.key: "default"}
    rows = table_of(made).rows
    assert [row.said for row in rows] == ["best, 70% of the returned average", "default, 30% of the returned average"]


def test_a_metric_and_a_default_that_is_better_are_said(record, report):
    worse = replace(scored("chosen", 2.75, IA3, 1), answers=("x",))
    finalists = (Finalist("a", 0.4, None, None, chosen=False), Finalist("b", 0.6, 0.2, 0.1, chosen=True))
    made = record(scores=(*report.scores, worse), metric="rouge_l", questions=20, finalists=finalists)
    assert reasons_of(made) == [
        "ia3, lr 0.02, batch 4, 2 epochs is returned for its answers: by ROUGE-L they are better on 20 validation "
        "questions, though its validation loss is 2.7500, and that of the best run 1.5000.",
        "The default configuration was trained to its end for comparison, outside of the budget, and has the better "
        "validation loss, 2.5000: this search had too little time.",
    ]
    first = (replace(finalists[0], chosen=True), replace(finalists[1], chosen=False))
    assert reasons_of(record(metric="rouge_l", finalists=first))[-1] == (
        "By ROUGE-L, no other finalist answers validation questions clearly better."
    )
    assert "too little time to compare answers" in reasons_of(record(metric="rouge_l"))[-1]


def test_an_adapter_that_is_worse_than_no_finetuning_is_said_to_be(record, report):
    said = reasons_of(record(scores=(report.scores[0], scored("best", 4.5, LORA, 2))))
    assert said[1] == (
        "The untouched model is better: its validation loss is 4.0000. Search longer before you use this."
    )


def test_a_limit_on_the_guard_is_said(record, report):
    row = replace(report.scores[-1], name="guarded", guard=GuardScore("general", 9, 2.0, 0.1, Rise(0.05, 0.01)))
    choice = GuardChoice(0.1, True, "b", (GuardFinalist("a", Rise(0.2, None)), GuardFinalist("b", Rise(0.05, None))))
    said = reasons_of(record(scores=(*report.scores[:-1], row), guard=choice))
    assert said[0].startswith("The limit on the guard has decided for lora r8")
    assert "more than the limit of 10%" in said[-1]


def test_of_a_search_that_has_not_ended_nothing_is_chosen(tmp_path):
    said = reasons_of(read_record(write_folder(tmp_path)))
    assert len(said) == 1
    assert said[0].startswith("Nothing is chosen yet. The best so far is lora r8")
    assert said[0].endswith("with a validation loss of 1.5000 after slice 2 of 8.")
    assert reasons_of(read_record(write_folder(tmp_path, entries=()))) == ["No slice has been scored yet."]


def test_seconds_add_up_to_the_spent_ones(record):
    made = record()
    parts = {one.part: one.seconds for one in costs_of(made)}
    assert parts == {
        "loading libraries, model and data; scoring the base model": 10.0,
        "training": 4.5,
        "scoring slices on the validation split": 1.5,
        "beginning trials, and writing checkpoints": 2.0,
        "closing: averages, answers, scores of the returned adapter": 0.5,
    }
    assert sum(parts.values()) == made.report.spent_seconds


def test_the_comparison_is_outside_of_the_budget(record, report, tmp_path):
    curve = replace(report.trials[1], validation_nll=(2.5, 2.4, 2.3), seconds=(2.0, 3.0, 4.0))
    write_run(tmp_path / "comparison" / IA3.key, dict(IA3.values), 3)
    last = costs_of(record(trials=(report.trials[0], curve)))[-1]
    assert (last.part, last.seconds, last.within) == ("the default configuration, for comparison", 7.0, False)


def test_memory_and_environment(record):
    made = record(versions=HEADER["versions"])
    assert memory_of(made) == [
        ("largest peak of memory in a run", "1.00 GiB"),
        ("memory that was free beside the base model", "3.00 GiB"),
    ]
    assert environment_of(made) == [
        ("hardware", "a processor"),
        ("first slice begun", "2026-02-27 10:00:00 UTC"),
        ("foretune", "0.1.0"),
        ("torch", "2.13.0"),
    ]


def test_what_all_configurations_have_in_common_is_said_once(record, report):
    same = replace(report.trials[1], configuration={**IA3.values, "batch_size": 8})
    table = table_of(record(trials=(report.trials[0], same)))
    assert table.common == "batch size 8"
    assert table.columns == (
        *(
            "best loss",
            "part",
            "slices",
            "seconds",
            "method",
            "rank",
            "learning rate",
            "epochs",
            "warmup",
            "peak memory",
        ),
        "status",
    )
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert cells == [
        ["1.5000", "returned", "2 of 8", "4.0", "lora", "8", "0.00731", "5", "0.1", "1.00 GiB", "ok"],
        ["2.5000", "default", "1 of 8", "2.0", "ia3", "", "0.02", "2", "", "1.00 GiB", "diverged: loss is NaN"],
    ]
    assert [row.cells[0].number for row in table.rows] == [1.5, 2.5]


def test_a_run_that_goes_on_begins_where_the_earlier_one_was_best(record, report):
    later = replace(report.trials[0], key=MORE.key, configuration=dict(MORE.values), spent_seconds=(17.0, 18.0))
    earlier = replace(report.trials[0], validation_nll=(1.75, 2.0))
    best = scored("best", 1.5, MORE, 2)
    made = record(trials=(earlier, later), best_key=MORE.key, scores=(report.scores[0], best))
    lines = {line.key: line for line in learning_curves(made).lines}
    assert lines[LORA.key].points == ((0.0, 4.0), (2.0, 1.75), (4.0, 2.0))
    assert lines[MORE.key].points == ((2.0, 1.75), (4.0, 2.0), (6.0, 1.5))
    assert (lines[MORE.key].first, lines[MORE.key].kind, lines[LORA.key].kind) == (-1, "returned", "part")
    assert {row.key: row.said for row in table_of(made).rows}[MORE.key] == "returned, goes on from 1"
    assert reasons_of(made)[1].startswith("The best run goes on from the adapter of an earlier run: lora r8")


def test_runs_of_a_chain_that_read_alike_are_counted(record, report):
    chain = [report.trials[0]]
    for number in range(3):
        values = {**MORE.values, CONTINUES: chain[-1].key}
        chain.append(replace(report.trials[0], key=f"run-{number}", configuration=values))
    made = record(trials=tuple(chain), best_key="run-2", scores=(report.scores[0], scored("best", 1.5, MORE, 2)))
    assert "of 3 earlier runs: lora r8" in reasons_of(made)[1]
    assert "; then 2 times lora r8" in reasons_of(made)[1]


def test_the_search_has_a_point_for_each_slice_and_stairs_for_the_best(record, report):
    chart = search_chart(record(scores=averaged(report)))
    assert {line.key: line.points for line in chart.lines} == {
        LORA.key: ((12.0, 2.0), (16.0, 1.5)),
        IA3.key: ((14.0, 2.5),),
    }
    assert chart.stairs == ((12.0, 2.0), (14.0, 2.0), (16.0, 1.5), (18.5, 1.5))
    assert [(mark.value, mark.label) for mark in chart.marks] == [(1.25, "the average of 2 runs")]
    assert chart.heights == (1.25, 4.0)


def test_a_diverged_run_does_not_squeeze_the_others(report, tmp_path):
    entries = (*ENTRIES[:3], an_entry(3, IA3, [2.5, 900.0], 18.0))
    chart = learning_curves(read_record(write_folder(tmp_path, entries=entries)))
    assert chart.heights == (1.5, pytest.approx(1.5 + 1.4 * 2.5))
    drawn = draw(chart, WIDE)
    assert drawn.cut
    assert drawn.path(((6.0, 900.0),)).endswith(f",{WIDE.top}")
    assert not draw(learning_curves(read_record(write_folder(tmp_path / "other"))), WIDE).cut


def test_the_figures_at_the_top(record, report, tmp_path):
    figures = {one.name: (one.value, one.beside) for one in figures_of(record())}
    assert figures == {
        "test loss": ("1.500", "default 2.500, untouched 4.000"),
        "exact match": ("25.0%", "default 25.0%, untouched 25.0%"),
        "configurations": ("2", "3 slices in all"),
        "time": ("18 s", "of 20 s"),
    }
    counted = Measurement(1.0, 0.5, 0.25, rows=20, answered=Answered("rouge_l", 0.5, 0.1, 20))
    rows = (report.scores[0], replace(report.scores[-1], test=counted))
    figures = {one.name: (one.value, one.beside) for one in figures_of(record(scores=rows))}
    assert figures["exact match"] == ("5 of 20", "untouched 25.0%")
    assert figures["ROUGE-L"] == ("0.500", "")
    unfinished = figures_of(read_record(write_folder(tmp_path / "other")))
    assert (unfinished[0].name, unfinished[0].value) == ("best validation loss so far", "1.500")


def test_what_was_asked(record):
    said = dict(asked_of(record()))
    assert said["rows"] == "60 for train, 20 for validation, 20 for test"
    assert (said["budget"], said["chosen by"], said["space"]) == ("20 s", "validation loss", "peft")
    assert said["state"] == "It has ended, because the seconds of the budget are spent."


def test_answers_are_those_of_the_base_model_and_of_the_returned_one(report):
    given = ("no",), (), (" yes ",)
    scores = tuple(replace(row, answers=answers) for row, answers in zip(report.scores, given, strict=True))
    (one,) = answers_of(replace(report, scores=scores, asked=(Asked("Is it?", "yes"),)))
    assert (one.question, one.reference) == ("Is it?", "yes")
    assert one.given == (("before", "no", False), ("after", " yes ", True))
    assert answers_of(report) == []


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/home/me/rows.jsonl", "rows.jsonl"),
        ("../models/mine", "mine"),
        ("data/rows.jsonl", "rows.jsonl"),
        ("Qwen/Qwen3-14B", "Qwen/Qwen3-14B"),
        ("org/data", "org/data"),
    ],
)
def test_a_path_is_named_by_its_last_part_and_a_name_of_the_hub_is_whole(place, name):
    assert short_name(place) == name
