"""Tables in narrow terminals: every word of every cell is there."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from foretune.report.fitting import Fitting, fitted
from foretune.report.tables import scores_table


def shown(table, width):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(Fitting(table))
    return console.file.getvalue()


def test_columns_are_narrowed_from_the_widest_and_words_stay_whole():
    columns = [["model", "zero-shot"], ["finetuned with", "lora r16, lr 0.0052, batch 8, 3 epochs"]]
    assert fitted(columns, 60) == [9, 38]
    assert fitted(columns, 30) == [9, 21]
    assert fitted(columns, 18) == [9, 9]
    assert fitted(columns, 17) is None


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_word_is_cut_and_no_line_is_too_long(report, width):
    text = shown(scores_table(report.scores), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for word in ("zero-shot", "default", "best", "4.0000", "2.5000", "1.5000", "25.0%", "0.0073,", "epochs"):
        assert word in text


def test_where_words_do_not_fit_each_row_is_a_block():
    table = Table("model", "test NLL", "with", title="Scores")
    table.add_row("zero-shot", "4.0000", "")
    table.add_row("best", "1.5000", "lora")
    assert [line.rstrip() for line in shown(table, 20).splitlines()] == [
        "Scores",
        "zero-shot",
        "  test NLL  4.0000",
        "best",
        "  test NLL  1.5000",
        "  with      lora",
    ]
