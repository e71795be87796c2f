"""Which columns the user says to take."""

import pytest
from rows_of_data import rows as _rows
from rows_of_data import said as _said

from foretune.errors import DataError
from foretune.finetuning.data import load_splits
from foretune.finetuning.data.columns import Cells, check_columns, parse_columns
from foretune.finetuning.data.formats import COLUMN_NAMES
from foretune.finetuning.data.rows import Row


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


def cells(values, renamed=None, *, alone=False):
    return Cells.of(Row(values, "d.csv, line 2"), renamed or {}, alone=alone)


def test_names_are_in_any_case_and_the_usual_spelling_goes_first():
    found = cells({"Prompt": "A", "prompt": "b", " Answer ": "c"})
    assert (found.take("prompt"), found.take("answer"), found.take("absent")) == ("b", "c", None)
    assert found.used == {"prompt", " Answer "}
    assert (found.name("answer"), found.name("absent")) == ("' Answer '", "'absent'")


def test_columns_are_there_if_one_of_them_has_a_value():
    found = cells({"prompt": None, "completion": "a", "text": None})
    assert found.has(["prompt", "completion"])
    assert not found.has(["text"])
    assert not found.has(["completion", "absent"])


def test_a_renamed_column_is_taken_under_its_new_name_alone():
    found = cells({"q": "a", "prompt": "b", "text": "c"}, {"prompt": "q"})
    assert [found.take(name) for name in ("prompt", "q", "text")] == ["a", None, "c"]
    assert found.name("prompt") == "'q'"
    assert cells({"q": "a", "text": "c"}, {"prompt": "q"}, alone=True).take("text") is None
    assert cells({"prompt": "b"}, {"prompt": "q"}).take("prompt") == "b"


def test_parsing_takes_spaces_and_the_last_of_equal_names():
    assert parse_columns(" prompt = Q , completion=A B,prompt=R", ["prompt", "completion"]) == {
        "prompt": "R", "completion": "A B",
    }  # fmt: skip
    assert parse_columns(None, ["prompt"]) == parse_columns("", ["prompt"]) == {}


def test_a_column_that_is_nowhere_is_named_with_those_there_are():
    rows = [Row({"Q": "a"}, "1"), Row({"A": "b"}, "2")]
    check_columns({"prompt": "Q", "completion": "A"}, rows, "d.csv")
    with pytest.raises(DataError, match=r"--columns prompt=Qs: d.csv has the columns Q, A; did you mean Q"):
        check_columns({"prompt": "Qs"}, rows, "d.csv")
    with pytest.raises(DataError, match=r"--columns prompt=x: d.csv has the columns none$"):
        check_columns({"prompt": "x"}, [Row({}, "1")], "d.csv")
