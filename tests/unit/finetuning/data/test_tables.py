"""Tables of text: the mark between cells, quotes, long cells."""

import csv

import pytest

from foretune.errors import DataError
from foretune.finetuning.data.files import read_rows


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
