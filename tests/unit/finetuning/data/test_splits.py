"""Splits that are made or checked, and training subsets."""

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import Example, Message, Splits, load_alone, load_splits


def _prompts(rows):
    return [row.messages[0].content for row in rows]


@pytest.mark.parametrize(
    ("rows", "held_out"), [(10, 2), (100, 20), (249, 49), (251, 50), (500, 50), (1000, 100), (5200, 500)]
)
def test_sizes_of_splits_that_are_made(write, pairs, rows, held_out):
    splits = load_splits(write("all.jsonl", pairs(rows)))
    assert (len(splits.validation), len(splits.test)) == (held_out, held_out)
    assert len(splits.train) == rows - 2 * held_out
    assert f"took {held_out} rows for validation and {held_out} rows for test from train by prompt" in splits.notes[0]


def test_splits_depend_on_the_seed_only(write, pairs):
    path = write("all.jsonl", pairs(60))
    assert load_splits(path, seed=1) == load_splits(path, seed=1)
    assert set(load_splits(path, seed=1).test) != set(load_splits(path, seed=2).test)
    reordered = write("other.jsonl", pairs(60)[::-1])
    assert set(load_splits(reordered, seed=1).test) == set(load_splits(path, seed=1).test)


def test_rows_of_one_prompt_stay_together(write):
    rows = [{"prompt": f"question {n % 40}", "completion": f"answer {n}"} for n in range(160)]
    splits = load_splits(write("all.jsonl", rows))
    parts = [set(_prompts(part)) for part in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, parts)) == 40
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 160


def test_a_missing_validation_split_is_taken_from_train(write, pairs, tmp_path):
    write("train.jsonl", pairs(100))
    write("test.jsonl", pairs(7, start=100))
    splits = load_splits(tmp_path)
    assert _prompts(splits.test) == [f"question {n}" for n in range(100, 107)]
    assert (len(splits.train), len(splits.validation)) == (80, 20)
    assert splits.notes == ("took 20 rows for validation from train by prompt (seed 0), 80 left",)


def test_a_prompt_in_two_given_splits(write, pairs, tmp_path):
    write("train.jsonl", pairs(20))
    write("test.jsonl", [*pairs(2, start=50), {"prompt": " question 4 ", "completion": "other"}])
    write("validation.jsonl", pairs(2, start=60))
    with pytest.raises(DataError) as caught:
        load_splits(tmp_path)
    message = str(caught.value)
    assert "test.jsonl, line 3 and " in message
    assert "train.jsonl, line 5 have the same prompt, ' question 4 '; 1 prompts lie in both" in message
    assert "delete them from one of the two" in message


@pytest.mark.parametrize("rows", [1, 9])
def test_too_few_rows(write, pairs, rows):
    with pytest.raises(
        DataError, match=f"{rows} training rows with {rows} distinct prompts are too few .*Add rows, or give"
    ):
        load_splits(write("all.jsonl", pairs(rows)))


def test_many_rows_of_few_prompts(write):
    rows = [{"prompt": f"question {n % 10}", "completion": f"answer {n}"} for n in range(10)]
    rows += [{"prompt": "question 0", "completion": f"more {n}"} for n in range(1000)]
    splits = load_splits(write("all.jsonl", rows))
    assert set(_prompts(splits.train)) == {"question 0"}
    assert len(splits.test) + len(splits.validation) == 9
    crowded = [{"prompt": f"question {n % 10}", "completion": f"answer {n}"} for n in range(3000)]
    assert len(load_splits(write("crowded.jsonl", crowded)).test) == 300
    with pytest.raises(DataError, match="nothing is left for test, since too many rows share few prompts"):
        load_splits(write("worse.jsonl", crowded * 2))


def test_training_subsets_are_nested_and_leave_the_other_splits_alone(write, pairs):
    path = write("all.jsonl", pairs(300))
    whole, large, small = (load_splits(path, seed=3, train_rows=n) for n in (None, 100, 50))
    assert len(small.train) == 50
    assert set(small.train) < set(large.train) < set(whole.train)
    assert small.validation == large.validation == whole.validation
    assert _prompts(small.train) == [prompt for prompt in _prompts(whole.train) if prompt in set(_prompts(small.train))]
    assert set(load_splits(path, seed=4, train_rows=50).train) != set(small.train)


def test_subsets_of_repeated_rows(write, pairs, tmp_path):
    write("train.jsonl", pairs(10) * 3)
    write("validation.jsonl", pairs(1, start=10))
    write("test.jsonl", pairs(1, start=11))
    splits = load_splits(tmp_path, train_rows=20)
    assert len(splits.train) == 20
    assert len(set(splits.train)) > 7, "the repetitions of a row must not be chosen together"
    assert "train: 20 rows repeat an earlier row; kept" in splits.notes


def test_more_training_rows_than_there_are(write, pairs):
    splits = load_splits(write("all.jsonl", pairs(100)), train_rows=500)
    assert len(splits.train) == 60
    assert "500 training rows were asked for, all 60 there are were taken" in splits.notes
    with pytest.raises(DataError, match="train_rows is 0; ask for at least 1"):
        load_splits(write("all.jsonl", pairs(100)), train_rows=0)


def test_splits_are_checked_at_birth():
    row = Example((Message("user", "q"), Message("assistant", "a")))
    with pytest.raises(DataError, match="mine: the test split has no rows"):
        Splits("mine", (row,), (row,), ())
    with pytest.raises(DataError, match="expected either messages or text"):
        Example()


def test_a_dataset_alone_is_its_test_split_in_order(write, pairs, tmp_path):
    write("train.jsonl", pairs(20))
    write("test.jsonl", pairs(3, start=50))
    name, rows, notes = load_alone(tmp_path)
    assert (name, _prompts(rows)) == (tmp_path.name, [f"question {n}" for n in (50, 51, 52)])
    assert notes == ["its test split is taken"]


def test_of_a_dataset_alone_some_rows_are_taken_without_those_that_are_known(write, pairs):
    path = write("all.jsonl", pairs(30))
    known = {row.prompt_key for row in load_alone(path)[1][:10]}
    _, rows, notes = load_alone(path, rows=5, without=known)
    assert len(rows) == 5
    assert not {row.prompt_key for row in rows} & known
    assert notes == [
        "10 of 30 rows are left out: the training data has their prompts, too",
        "5 of 20 rows are scored, the same in every search",
    ]
    assert load_alone(path, rows=5, without=known)[1] == rows
    with pytest.raises(DataError, match="the training data has the prompts of all 30 rows"):
        load_alone(path, without={row.prompt_key for row in load_alone(path)[1]})


def test_the_columns_of_another_dataset_do_not_matter_to_one_alone(write, pairs):
    path = write("all.jsonl", pairs(3))
    assert len(load_alone(path, columns="prompt=Q,completion=A")[1]) == 3
    other = write("other.jsonl", [{"Q": "why?", "A": "so", "prompt": "p", "completion": "c"}])
    assert _prompts(load_alone(other, columns="prompt=Q,completion=A")[1]) == ["why?"]
