"""The card has every count, and names of files cannot become markup."""

import json
from collections import Counter

from made_passages import passages

from foretune.documents.read import Document
from foretune.synthesis.questions.card import Facts, filter_rows, write_dataset
from foretune.synthesis.questions.drafts import Kind
from foretune.synthesis.questions.make import Made
from foretune.synthesis.questions.pairs import Pair
from foretune.synthesis.questions.passages import Material
from foretune.teacher.price import Price, Tokens

COUNTS = {"written by the teacher": 9, "length": 1, "near-duplicate": 3, "kept": 5, "unreadable": 2}
HOSTILE = "a|b`<img src=x onerror=alert(1)>[x](http://evil).md"


def write(folder):
    pairs = [Pair(f"What is {at}?", "It.", Kind.FACTUAL, "a.md, line 1", "a.md") for at in range(5)]
    documents = [Document(HOSTILE, "ab12"), Document("b.pdf", problem="needs a password; save it without")]
    material = Material(documents, passages(3), {"shorter than 200 characters": 4})
    facts = Facts("m at host", 6, material, Tokens(4, 2000, 100), Tokens(5, 1000, 50), Price(1.0, 10.0), 7)
    made = Made(pairs, Counter(COUNTS), failures=1)
    write_dataset({"train": pairs[:3], "validation": pairs[3:4], "test": pairs[4:]}, made, facts, folder)


def test_the_card_counts_what_was_left_out_and_what_was_spent(tmp_path):
    write(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["rows"] == {"train": 3, "validation": 1, "test": 1}
    assert card["passages"] == {"worth asking about": 3, "shorter than 200 characters": 4}
    assert card["tokens"]["actual"] == {"requests": 5, "prompt": 1000, "completion": 50}
    assert card["dollars"] == {"estimated": 0.003, "actual": 0.0015}
    assert card["documents"][1]["problem"] == "needs a password; save it without"
    assert (card["seed"], card["passages_without_answer"], card["kinds"]) == (7, 1, {"factual": 5})


def test_reasons_stand_between_written_and_kept_the_most_frequent_first():
    assert filter_rows({**COUNTS, "answers that were no JSON of the right shape": 2, "unreadable": 0})[:4] == [
        ("written by the teacher", 9),
        ("near-duplicate", 3),
        ("length", 1),
        ("unreadable", 0),
    ]


def test_names_of_files_are_text_in_the_readme(tmp_path):
    write(tmp_path)
    text = (tmp_path / "README.md").read_text()
    (line,) = [line for line in text.splitlines() if "onerror" in line]
    assert line == r"| a\|b\`&lt;img src=x onerror=alert(1)&gt;\[x\](http://evil).md | 0 sections |"


def test_rows_have_their_place_and_the_folder_has_no_other_files(tmp_path):
    write(tmp_path)
    row = {"prompt": "What is 3?", "completion": "It.", "kind": "factual", "source": "a.md, line 1", "section": "a.md"}
    assert json.loads((tmp_path / "validation.jsonl").read_text()) == row
    names = {"train.jsonl", "validation.jsonl", "test.jsonl", "card.json", "README.md"}
    assert {path.name for path in tmp_path.iterdir()} == names
