"""Which columns the user says to take."""

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import load_splits
from foretune.finetuning.data.columns import parse_columns
from foretune.finetuning.data.formats import COLUMN_NAMES


def _rows(count, **columns):
    return [
        {name: value.format(n) if isinstance(value, str) else value for name, value in columns.items()}
        for n in range(count)
    ]


def _said(splits):
    return {
        row.messages[0].content: row.messages[-1].content for row in (*splits.train, *splits.validation, *splits.test)
    }


def test_the_user_says_which_columns_to_take(write):
    path = write("all.jsonl", _rows(30, Q="q{}", A="a{}", text="t{}"))
    splits = load_splits(path, columns="prompt=Q, completion=A")
    assert _said(splits) == {f"q{n}": f"a{n}" for n in range(30)}
    assert "column left aside: text; used: A, Q" in splits.notes[0]
    assert load_splits(path, columns="text=A").train[0].text.startswith("a")
    path = write("more.jsonl", _rows(30, prompt="q{}", A="a{}"))
    assert _said(load_splits(path, columns="completion=A")) == {f"q{n}": f"a{n}" for n in range(30)}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("prompt", "--columns prompt: 'prompt' is not NAME=COLUMN; write for instance prompt=Q,completion=A"),
        ("prompt=", "is not NAME=COLUMN"),
        ("promt=Q", "'promt' is none of the known names; did you mean prompt. use messages, tools, prompt"),
        (
            "prompt=Questions,completion=A",
            "--columns prompt=Questions: all has the columns Question, A; did you mean Quest",
        ),
    ],
)
def test_columns_that_cannot_be_taken(write, columns, message):
    with pytest.raises(DataError, match=message):
        load_splits(write("all.jsonl", _rows(30, Question="q{}", A="a{}")), columns=columns)


def test_no_columns_are_renamed_unless_asked():
    assert parse_columns(None, COLUMN_NAMES) == parse_columns("", COLUMN_NAMES) == {}
