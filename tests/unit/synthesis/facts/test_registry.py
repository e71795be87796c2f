"""Datasets of facts: what all of them keep to."""

import json
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from foretune.errors import DataError
from foretune.finetuning.data import load_splits, prompt_and_completion
from foretune.synthesis.facts import DATASETS, NAMES, make_dataset
from foretune.synthesis.facts.registry import KNOWN_FACTS, split_by_question

PAGE = Path(__file__).parents[4] / "docs" / "synthesize.md"
FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "card.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("facts")
    for name in DATASETS:
        make_dataset(name, root / name)
    return root


def test_there_are_ten_of_different_kinds():
    assert tuple(DATASETS) == NAMES
    assert len({one.kind for one in DATASETS.values()}) == len(NAMES) == 10
    asked = " ".join(one.kind for one in DATASETS.values())
    for kind in ("paraphrases", "distractors", "numeric", "dates", "look-up", "conversions", "multi-step", "yes or no"):
        assert kind in asked


@pytest.mark.parametrize("name", NAMES)
def test_sizes_splits_and_card(made, name):
    splits = load_splits(made / name)  # which fails if a prompt lies in two splits
    rows = [*splits.train, *splits.validation, *splits.test]
    assert len({row.prompt_key for row in rows}) == len(rows)
    assert 200 <= len(splits.train) <= 600
    assert all(48 <= len(split) <= 120 for split in (splits.validation, splits.test))
    card = json.loads((made / name / "card.json").read_text())
    assert card["rows"] == {split: len(getattr(splits, split)) for split in ("train", "validation", "test")}
    assert (card["name"], card["kind"], card["seed"]) == (name, DATASETS[name].kind, 0)
    assert card["test_asks"]
    assert card["license"]
    assert card["source"]
    assert card["made_with"]["numpy"] == np.__version__
    assert {"babel", "unicode", "tz", "pygments", "scipy"} >= set(DATASETS[name].libraries)


def test_the_card_has_the_version_of_the_library(made):
    made_with = json.loads((made / "local_dates" / "card.json").read_text())["made_with"]
    assert made_with["babel"] == version("babel")


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_short_and_no_answer_wins_often(made, name):
    pairs = [prompt_and_completion(row) for row in load_splits(made / name).test]
    assert max(len(" ".join(pair)) for pair in pairs) <= 100
    ((_, count),) = Counter(answer for _, answer in pairs).most_common(1)
    assert count / len(pairs) <= (0.5 if name == "caught_exceptions" else 0.15)


@pytest.mark.parametrize("name", [name for name in NAMES if DATASETS[name].test_asks == KNOWN_FACTS])
def test_known_facts_are_trained_on_in_other_words(made, name):
    splits = load_splits(made / name)
    trained = Counter(prompt_and_completion(row)[1] for row in splits.train)
    tested = Counter(prompt_and_completion(row)[1] for row in splits.test)
    assert all(trained[answer] >= 3 * count for answer, count in tested.items())


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_files(made, tmp_path, name):
    make_dataset(name, tmp_path / "again")
    make_dataset(name, tmp_path / "other", seed=1)
    assert all((made / name / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in FILES)
    assert (made / name / "test.jsonl").read_bytes() != (tmp_path / "other" / "test.jsonl").read_bytes()


def test_misuse(tmp_path):
    with pytest.raises(DataError, match="no dataset of facts sums; choose from currency_codes, file_endings"):
        make_dataset("sums", tmp_path / "sums")
    with pytest.raises(DataError, match="a question comes twice"):
        split_by_question([("a", "b"), ("a", "b")], np.random.default_rng(0))


def test_the_page_has_a_question_of_each_with_its_answer(made):
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| [\w ]+ \| [\w ]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert tuple(name for name, _, _ in rows) == NAMES
    for name, question, answer in rows:
        assert (question, answer) in [prompt_and_completion(row) for row in load_splits(made / name).test]
