"""Datasets from generators: what all of them keep to."""

import hashlib
import json
import re
from collections import Counter

import numpy as np
import pytest

from foretune.errors import DataError
from foretune.finetuning.data import load_splits, prompt_and_completion
from foretune.synthesis.exercises import EXERCISES, FAMILIES, Exercise, choose, make_exercise

FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "card.json")


def pairs_of(directory, split):
    rows = [json.loads(line) for line in (directory / f"{split}.jsonl").read_text("utf-8").splitlines()]
    return [(row["prompt"], row["completion"]) for row in rows]


SMALL = {
    "half_day": (1040, 200),
    "truth_value": (1600, 200),
    "fewest_coins": (1599, 200),
    "http_status": (150, 62),
    "html_entities": (228, 76),
}
"""Least training rows, and held-out rows, of the exercises that know fewer prompts than the others."""
DIGESTS = (
    "5dcdb30c 857b0dbc b37d3ea0 737be3ef fe720af7 8db1d919 da464521 856a5af4 cdf682fd 4c67b5e8 1df1de33 8823c05f "
    "c6b6585f 46d1db13 976cd5ff fc1fc472 6d19e230 59d998ec 15823aff 731f4b60 b469c5c2 cd229b26 a1623a74 58f68b84 "
    "5f12e929 0d6153ef 5e1cf281 3695bd7e 6354f1ae 6e64d30e f44caff3 71b2f708 d4ef192b 388365c5 06d76e3b 59daa30a "
    "a139069c fe99c929 26840789 182c00b4 973a1fee ee981808 3a997709 5fc3e264 872df46c 4d1a71eb a51e0aa5 b23c6fb1 "
    "e4a02abf 3cca76d6 1275d4eb 5e341359 2dcb06e2 74bf1660 91ede41a bf8b472f 19088d20 af6a76d0 a8f4d826 1d8c6f05"
)
"""Of the rows of each exercise with 20 training rows; recorded runs were trained on rows of these generators."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("generated")
    for one in EXERCISES.values():
        make_exercise(one, root / one.name)
    return root


def test_how_many_there_are():
    assert len(EXERCISES) == 60
    assert tuple(dict.fromkeys(one.family for one in EXERCISES.values())) == FAMILIES
    assert min(Counter(one.family for one in EXERCISES.values()).values()) >= 3
    assert [one.name for one in EXERCISES.values() if one.wrong_share] == ["noisy_mood", "noisy_word_class"]


@pytest.mark.parametrize("name", EXERCISES)
def test_sizes_splits_and_card(made, name):
    splits = load_splits(made / name)  # which fails if a prompt lies in two splits
    least, held = SMALL.get(name, (1700, 200))
    assert least <= len(splits.train) <= 2000
    assert len(splits.validation) == len(splits.test) == held
    rows = [*splits.train, *splits.validation, *splits.test]
    assert len({row.prompt_key for row in rows}) == len(rows)
    card = json.loads((made / name / "card.json").read_text())
    assert (card["name"], card["family"], card["metric"]) == (name, EXERCISES[name].family, "exact_match")
    assert card["rows"] == {"train": len(splits.train), "validation": held, "test": held}


@pytest.mark.parametrize(("name", "digest"), list(zip(EXERCISES, DIGESTS.split(), strict=True)))
def test_rows_stay_as_they_were(tmp_path, name, digest):
    make_exercise(EXERCISES[name], tmp_path, train_rows=20)
    rows = b"".join((tmp_path / file).read_bytes() for file in FILES[:3])
    assert hashlib.sha256(rows).hexdigest()[:8] == digest


@pytest.mark.parametrize("name", EXERCISES)
def test_rows_are_short(made, name):
    for prompt, completion in pairs_of(made / name, "test"):
        assert 0 < len(prompt.split()) <= 40
        assert len(prompt) <= 120
        assert 0 < len(completion.split()) <= 25
        assert completion == completion.strip()


@pytest.mark.parametrize("name", ["units", "made_up_people", "noisy_mood"])
def test_same_seed_same_files(made, tmp_path, name):
    make_exercise(EXERCISES[name], tmp_path / "again")
    make_exercise(EXERCISES[name], tmp_path / "other", seed=1)
    assert all((made / name / file).read_bytes() == (tmp_path / "again" / file).read_bytes() for file in FILES)
    assert (made / name / "test.jsonl").read_bytes() != (tmp_path / "other" / "test.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("made_up_people", r"\b(?!Where|Which|Name|City|What|Job|Color)[A-Z]\w+"),
        ("character_names", r"(?<=character )\S|(?<=of )\S|(?<=is )\S(?= )|(?<=sign )\S|(?<=see )\S"),
    ],
)
def test_what_is_held_out_of_memory_was_mostly_trained_on_in_other_words(made, name, subject):
    trained, tested = (
        {prompt: (re.search(subject, prompt)[0], answer) for prompt, answer in pairs_of(made / name, split)}
        for split in ("train", "test")
    )
    assert np.mean([fact in set(trained.values()) for fact in tested.values()]) > 0.95


@pytest.mark.parametrize(("name", "classes"), [("noisy_mood", 3), ("noisy_word_class", 4)])
def test_wrong_labels_only_in_training(made, tmp_path, name, classes):
    share = EXERCISES[name].wrong_share
    clean = Exercise(name, "labels", "the same without noise", EXERCISES[name].generate, 0.0, "Apache-2.0")
    make_exercise(clean, tmp_path / name)
    for split, expected in (("train", share), ("validation", 0.0), ("test", 0.0)):
        noisy, right = pairs_of(made / name, split), pairs_of(tmp_path / name, split)
        assert [prompt for prompt, _ in noisy] == [prompt for prompt, _ in right]
        assert np.mean([one != other for one, other in zip(noisy, right, strict=True)]) == pytest.approx(expected)
        assert len({label for _, label in noisy}) == classes


def test_few_rows_and_few_prompts(tmp_path):
    assert make_exercise(EXERCISES["units"], tmp_path / "units", train_rows=7) == {
        "train": 7,
        "validation": 200,
        "test": 200,
    }

    def parity(rng):
        while True:
            number = int(rng.integers(100))
            yield f"Is {number} even?", "no" if number % 2 else "yes"

    small = Exercise("parity", "numbers", "closed labels", parity, 0.0, "Apache-2.0")
    assert make_exercise(small, tmp_path / "parity") == {"train": 60, "validation": 20, "test": 20}


def test_misuse(tmp_path):
    with pytest.raises(DataError, match=r"no generated dataset sums; choose from to_roman, from_roman"):
        choose(["units", "sums"])
    assert [one.name for one in choose(["units", "units"])] == ["units"]
    with pytest.raises(DataError, match="0 training rows were asked for; ask for at least 1"):
        make_exercise(EXERCISES["units"], tmp_path / "units", train_rows=0)
    (tmp_path / "train.jsonl").write_text("mine")
    for taken in (tmp_path, tmp_path / "train.jsonl", tmp_path / "train.jsonl" / "units"):
        with pytest.raises(DataError, match=r"a file or a folder without card.json is in the way"):
            make_exercise(EXERCISES["units"], taken)
    assert (tmp_path / "train.jsonl").read_text() == "mine"


def test_a_generator_that_contradicts_itself_is_found(tmp_path):
    def moody(rng):
        while True:
            yield "Yes or no?", "yes" if rng.random() < 0.5 else "no"

    with pytest.raises(DataError, match=r"moody answers 'Yes or no\?' with"):
        make_exercise(Exercise("moody", "labels", "none", moody, 0.0, "Apache-2.0"), tmp_path)


def test_rows_are_read_as_they_were_written(made):
    read = [prompt_and_completion(row) for row in load_splits(made / "to_json").test]
    assert read == pairs_of(made / "to_json", "test")
