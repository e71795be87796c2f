"""Tables of text: the mark between cells, quotes, long cells."""

import csv
from pathlib import Path

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.files import read_rows
from foretune.finetuning.data.tables import read_table


def test_cells_of_any_length_are_read_and_the_limit_stays(write):
    before = csv.field_size_limit()
    rows = read_rows(write("a.csv", f"prompt,completion\nq,{'x' * 200_000}\n"))
    assert len(rows[0].values["completion"]) == 200_000
    with pytest.raises(DataError, match="broken CSV"):
        read_rows(write("b.csv", 'prompt,completion\n"a"b,c\n'))
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("header", "cells"),
    [("prompt;completion, long", "a;b"), ("prompt\tcompletion, long", "a\tb"), ("prompt|completion, long", "a|b")],
)
def test_the_mark_between_cells_is_the_one_of_the_header(write, header, cells):
    (row,) = read_rows(write("a.csv", f"id{header[6]}{header}\n1{header[6]}{cells}\n"))
    assert dict(row.values) == {"id": "1", "prompt": "a", "completion, long": "b"}
    (row,) = read_rows(write("b.csv", "prompt,completion\na;b,c;d;e\n"))
    assert dict(row.values) == {"prompt": "a;b", "completion": "c;d;e"}


def test_quotes_in_tables_with_tabs_are_just_quotes(write):
    (row,) = read_rows(write("a.tsv", 'prompt\tcompletion\n"Yes" and no\ta "b\n'))
    assert dict(row.values) == {"prompt": '"Yes" and no', "completion": 'a "b'}


def table(text, **options):
    return [dict(row.values) or row.fault for row in read_table(Path("t.csv"), text, **options)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ("\n\n a , b\r\n1, 2\r\n\r\n", [{"a": "1", "b": " 2"}]),
        ("a\n1\n", [{"a": "1"}]),
        ("a;b,c\n1;2\n", ["t.csv, line 2: 1 cells where the header names 2 columns; quote cells that hold the mark"]),
        ("", []),
        ("a,b\n", []),
    ],
)
def test_rows_of_a_table(text, rows):
    found = table(text)
    assert len(found) == len(rows)
    assert all(one == other or str(one).startswith(str(other)) for one, other in zip(found, rows, strict=True))


def test_a_given_mark_goes_before_that_of_the_header():
    assert table("a,b|c\n1|2\n", delimiter="|") == [{"a,b": "1", "c": "2"}]


def test_quotes_of_a_table_with_tabs_count_where_all_are_closed():
    assert table('a\tb\n"1\t2"\t3\n', delimiter="\t") == [{"a": "1\t2", "b": "3"}]
    assert table('a\tb\n"1\t2\n', delimiter="\t") == [{"a": '"1', "b": "2"}]


def test_faults_have_the_line_on_which_the_row_begins():
    with pytest.raises(
        DataError, match=r"t.csv, line 4: broken CSV \(unexpected end of data\); quote cells that hold quo"
    ):
        table('a,b\n"x\ny",2\n"3,4\n')
    with pytest.raises(DataError, match=r"t.csv, line 2: a column name occurs twice in a, a; rename or delete one"):
        table("\na, a\n1,2\n")
