"""What a user is told of rows and columns, and what they can say about them."""

import pytest
from rows_of_data import rows as _rows
from rows_of_data import said as _said

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, load_splits


def test_columns_that_are_not_used_are_named_once(write):
    path = write("all.jsonl", _rows(30, id=7, Question="q{}", Answer="a{}", empty="", nothing=None))
    splits = load_splits(path)
    assert splits.notes[0] == (
        "column left aside: id; used: Answer, Question (--columns prompt=...,completion=... takes others)"
    )
    assert len(splits.notes) == 2
    path = write("more.jsonl", _rows(30, id=7, topic="t", prompt="q{}", completion="a{}"))
    assert load_splits(path).notes[0].startswith("columns left aside: id, topic; used: completion, prompt (")


@pytest.mark.parametrize(("label", "learned"), [("good", "good"), (3, "3"), (True, "true"), (0.5, "0.5")])
def test_texts_with_labels_are_prompts_with_completions(write, label, learned):
    splits = load_splits(write("all.jsonl", _rows(30, text="film {}", label=label)))
    assert _said(splits) == {f"film {n}": learned for n in range(30)}
    said = (
        f"30 rows have numbers or truth values where text is expected; learned as they are written, such as {learned!r}"
    )
    assert (said in splits.notes) == (label != "good")


BAD = [
    {"prompt": "q", "completion": ""},
    {"prompt": "q", "completion": " "},
    {"prompt": "q", "completion": None},
    ["no object"],
    *({"prompt": "q", "completion": ""} for _ in range(5)),
]


def test_bad_rows_are_counted_and_the_first_of_each_kind_named(write, pairs):
    path = write("all.jsonl", [*pairs(20), *BAD])
    with pytest.raises(DataError) as caught:
        load_splits(path)
    first, *kinds = str(caught.value).split("\n  ")
    assert first == "9 of 29 rows of all cannot be used; correct them, or go on without them: --skip-bad-rows"
    assert kinds[0] == (
        f"{path}, line 21, line 22, line 25, line 26, line 27 and 2 more: 'completion' is empty; fill it in or delete "
        "the row"
    )
    assert kinds[1].startswith(f"{path}, line 23: 'completion' must be a string, found null")
    assert kinds[2].startswith(f"{path}, line 24: expected a JSON object")
    assert len(kinds) == 3


def test_bad_rows_are_left_out_if_the_user_says_so(write, pairs):
    splits = load_splits(write("all.jsonl", [*pairs(20), *BAD]), skip_bad_rows=True)
    assert _said(splits) == {f"question {n}": f"answer {n}" for n in range(20)}
    assert splits.notes[0].startswith("all: 9 of 29 rows were left out, since they cannot be used:\n")
    assert splits.skip_bad_rows


def test_one_bad_row_is_one_line(write, pairs):
    with pytest.raises(
        DataError, match=r"line 21: 'completion' is empty; .* \(or go on without it: --skip-bad-rows\)$"
    ):
        load_splits(write("all.jsonl", [*pairs(20), BAD[0]]))


def test_many_kinds_of_fault_are_counted(write, pairs):
    odd = [{f"column{n}": "x"} for n in range(8)]
    with pytest.raises(DataError) as caught:
        load_splits(write("all.jsonl", [*pairs(20), *odd]))
    lines = str(caught.value).split("\n  ")
    assert len(lines) == 7
    assert lines[-1] == "and 3 other kinds of fault"


def test_a_dataset_of_bad_rows_alone_has_nothing_to_go_on_with(write, pairs, tmp_path):
    with pytest.raises(DataError, match="none of the 9 rows of all can be used:"):
        load_splits(write("all.jsonl", BAD), skip_bad_rows=True)
    write("mine/train.jsonl", BAD[:2])
    write("mine/test.jsonl", pairs(2))
    with pytest.raises(
        DataError, match=r"mine: the train split has no row that can be used, such as: .*line 1: 'compl"
    ):
        load_splits(tmp_path / "mine", skip_bad_rows=True)
    write("other/train.jsonl", pairs(20))
    write("other/test.jsonl", BAD[:2])
    splits = load_splits(tmp_path / "other", skip_bad_rows=True)
    assert "test: left aside, since none of its rows can be used" in splits.notes
    assert len(splits.test) == 4


def test_all_answers_are_learned_or_the_last_one_alone(write):
    turns = [{"role": role, "content": f"{role} {{}}"} for role in ("user", "assistant", "user", "assistant")]
    rows = [{"messages": [{**turn, "content": turn["content"].format(n)} for turn in turns]} for n in range(30)]
    path = write("all.jsonl", rows)
    assert {row.learned for row in load_splits(path).train} == {(1, 3)}
    assert {row.learned for row in load_splits(path, last_turn_only=True).train} == {(3,)}
    greeting = Example((Message("assistant", "hello"), Message("user", "q"), Message("assistant", "a")))
    assert greeting.learned == (2,)
