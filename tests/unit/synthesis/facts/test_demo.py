"""The demo's dataset."""

import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from foretune.errors import DataError
from foretune.finetuning.data import load_splits, prompt_and_completion
from foretune.synthesis.facts import TOPICS, Fact, libraries, make_facts, write_facts

FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "card.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_facts(tmp_path_factory.mktemp("facts") / "demo")


def test_sizes_and_splits(made):
    splits = load_splits(made)  # which fails if a prompt lies in two splits
    assert 600 <= len(splits.train) <= 1000
    assert 150 <= len(splits.validation) <= 200
    assert 150 <= len(splits.test) <= 200
    card = json.loads((made / "card.json").read_text())
    assert card["rows"] == {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)}
    assert card["topics"] == list(TOPICS)


def test_what_is_held_out_was_trained_on_in_other_words(made):
    splits = load_splits(made)
    trained = Counter(prompt_and_completion(row)[1] for row in splits.train)
    for row in (*splits.validation, *splits.test):
        assert trained[prompt_and_completion(row)[1]] >= 3


def test_rows_are_short(made):
    splits = load_splits(made)
    lengths = [len(" ".join(prompt_and_completion(row))) for row in splits.train]
    assert np.mean(lengths) < 60
    assert max(lengths) < 100


def test_same_seed_same_files(made, tmp_path):
    again, other = make_facts(tmp_path / "again"), make_facts(tmp_path / "other", seed=1)
    assert all((made / name).read_bytes() == (again / name).read_bytes() for name in FILES)
    assert (made / "test.jsonl").read_bytes() != (other / "test.jsonl").read_bytes()


@pytest.mark.parametrize(("split", "digest"), [("train", "2d0e6807"), ("validation", "d34521ca"), ("test", "9e14f90d")])
def test_the_rows_are_those_that_the_figures_of_the_docs_come_from(made, split, digest):
    assert hashlib.sha256((made / f"{split}.jsonl").read_bytes()).hexdigest()[:8] == digest


@pytest.mark.parametrize(
    ("topic", "subject", "answer"),
    [
        ("http_status", "404", "Not Found"),
        ("greek_letter", "π", "pi"),
        ("accented_letter", "é", "e with acute"),
        ("currency", "Japan", "Japanese Yen"),
        ("language", "Brazil", "Portuguese"),
        ("city", "Vienna", "Austria"),
    ],
)
def test_each_topic_tells_the_truth(topic, subject, answer):
    known = [fact for fact in TOPICS[topic]() if all(subject in prompt for prompt in fact.prompts)]
    assert [fact.completion for fact in known] == [answer]
    assert all(fact.topic == topic for fact in TOPICS[topic]())


def test_every_topic_is_checked():
    assert list(TOPICS) == ["http_status", "greek_letter", "accented_letter", "currency", "language", "city"]


def test_without_babel(monkeypatch, tmp_path):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    with pytest.raises(DataError, match=r"need Babel, which is not installed; run: pip install 'foretune\[demo\]'"):
        make_facts(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_facts_are_checked(tmp_path):
    with pytest.raises(DataError, match="three or more different prompts"):
        Fact("sums", ("a", "b", "b"), "c")
    with pytest.raises(DataError, match="two facts share a prompt"):
        write_facts([Fact("sums", ("a", "b", "c"), "d"), Fact("sums", ("c", "e", "f"), "g")], tmp_path, seed=0, card={})


def test_any_facts_can_be_written(tmp_path):
    known = [Fact("sums", tuple(f"{n} plus {n}{mark}" for mark in ("?", "!", ".", "=")), str(2 * n)) for n in range(12)]
    splits = load_splits(write_facts(known, tmp_path, seed=0, card={"name": "sums"}))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (24, 12, 12)
    assert json.loads((tmp_path / "card.json").read_text())["name"] == "sums"
