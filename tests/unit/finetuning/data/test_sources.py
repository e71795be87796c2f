"""Folders of splits and hub datasets."""

import gzip
import json

import pytest

from foretune.errors import DataError
from foretune.finetuning.data import load_splits
from foretune.finetuning.data.sources import read_source


@pytest.mark.parametrize("validation", ["validation", "valid", "val", "dev", "eval", "evaluation", "validate"])
def test_a_folder_with_three_splits_is_taken_as_it_is(write, pairs, tmp_path, validation):
    write("mine/train.jsonl", pairs(3))
    write(f"mine/{validation}.csv", "prompt,completion\nv,a\n")
    write("mine/test.json", '[{"prompt": "t", "completion": "a"}]')
    write("mine/card.json", '{"name": "not data"}')
    splits = load_splits(tmp_path / "mine")
    assert splits.name == "mine"
    assert [row.messages[0].content for row in splits.train] == ["question 0", "question 1", "question 2"]
    assert [row.messages[0].content for row in (*splits.validation, *splits.test)] == ["v", "t"]
    assert splits.notes == ()


def test_shards_are_joined_in_order(write, pairs, tmp_path):
    write("train-00001-of-00002.jsonl", pairs(10, start=10))
    write("train-00000-of-00002.jsonl", pairs(10))
    rows = read_source(tmp_path).rows["train"]
    assert [row.values["prompt"] for row in rows] == [f"question {n}" for n in range(20)]


def test_files_of_a_clone_of_a_hub_dataset(write, pairs, tmp_path):
    write("clone/data/train-00000-of-00001.jsonl", pairs(20))
    write("clone/README.md", "x")
    found = read_source(tmp_path / "clone")
    assert (found.name, len(found.rows["train"])) == ("clone", 20)


def test_two_files_for_one_split(write, pairs, tmp_path):
    write("train.jsonl", pairs(1))
    write("dev.jsonl", pairs(1))
    write("validation.jsonl", pairs(1))
    with pytest.raises(DataError, match=r"dev\.jsonl and validation\.jsonl are both taken for the validation split"):
        load_splits(tmp_path)


def test_a_folder_without_training_rows(write, pairs, tmp_path):
    write("data.jsonl", pairs(1))
    with pytest.raises(DataError, match=r"expected train, validation and test files .*found: data\.jsonl\. Name the"):
        load_splits(tmp_path)


@pytest.mark.parametrize("source", ["missing.jsonl", "/no/where", "./missing"])
def test_a_missing_path_is_not_looked_up_on_the_hub(monkeypatch, source):
    monkeypatch.setattr("datasets.load_dataset", lambda *_: pytest.fail("asked the hub"))
    with pytest.raises(DataError, match="no such file or folder; check the path"):
        load_splits(source)


def test_hub_splits_and_configuration(monkeypatch, pairs):
    asked = []

    def load_dataset(name, configuration):
        asked.append((name, configuration))
        return {"train": pairs(5), "validation": pairs(2, start=5), "test": pairs(2, start=7), "unlabeled": pairs(9)}

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    splits = load_splits("owner/name:main")
    assert asked == [("owner/name", "main")]
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (5, 2, 2)
    assert splits.notes == ("splits left aside: unlabeled",)


def test_a_hub_dataset_with_one_split_of_any_name_is_split(monkeypatch, pairs):
    monkeypatch.setattr("datasets.load_dataset", lambda *_: {"everything": pairs(100)})
    splits = load_splits("owner/name")
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (60, 20, 20)


def test_hub_errors_are_explained(monkeypatch, pairs):
    def fail(*_):
        raise ConnectionError("no route")

    monkeypatch.setattr("datasets.load_dataset", fail)
    with pytest.raises(
        DataError, match=r"owner/name: no such file.*ConnectionError: no route.*Check the name and the conn"
    ):
        load_splits("owner/name")
    monkeypatch.setattr("datasets.load_dataset", lambda *_: {"a": pairs(1), "b": pairs(1)})
    with pytest.raises(DataError, match="no train split, only a, b"):
        load_splits("owner/name")


def test_files_that_are_not_used_are_named(write, pairs, tmp_path):
    write("mine/training.jsonl.gz", gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in pairs(3))))
    write("mine/Eval.tsv", "prompt\tcompletion\nv\ta\n")
    write("mine/testing.ndjson", '{"prompt": "t", "completion": "a"}')
    for name in ("train_more.jsonl", "notes.txt", "README.md", ".hidden", "card.json", "LICENSE"):
        write(f"mine/{name}", "x")
    splits = load_splits(tmp_path / "mine")
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (3, 1, 1)
    assert splits.notes == (
        "files left aside: notes.txt, train_more.jsonl (a split is a file named one of train, training, validation, "
        "validate, valid, val, dev, eval, evaluation, test, testing)",
    )


def test_classes_of_hub_datasets_have_names(monkeypatch):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    rows = {"text": [f"film {n}" for n in range(100)], "label": [n % 2 for n in range(100)]}
    train = datasets.Dataset.from_dict(rows, features=features)
    monkeypatch.setattr("datasets.load_dataset", lambda *_: {"train": train})
    splits = load_splits("owner/name")
    said = {
        row.messages[0].content: row.messages[1].content for row in (*splits.train, *splits.validation, *splits.test)
    }
    assert said == {f"film {n}": ("bad", "good")[n % 2] for n in range(100)}
