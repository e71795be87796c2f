"""Files of a dataset."""

import json

from foretune.synthesis.write import write_splits


def test_rows_and_a_card_are_written(tmp_path):
    rows = {"train": [("2 + 2?", "4"), ('say "é"', "a\nb")], "test": []}
    folder = write_splits(rows, tmp_path / "new" / "sums", seed=3, card={"name": "sums"})
    assert folder == tmp_path / "new" / "sums"
    assert (folder / "train.jsonl").read_bytes().decode() == (
        '{"prompt": "2 + 2?", "completion": "4"}\n{"prompt": "say \\"é\\"", "completion": "a\\nb"}\n'
    )
    assert (folder / "test.jsonl").read_bytes() == b""
    assert json.loads((folder / "card.json").read_text()) == {
        "name": "sums",
        "seed": 3,
        "rows": {"train": 2, "test": 0},
    }
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "test.jsonl", "train.jsonl"]


def test_files_of_the_same_names_are_replaced_and_others_left(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for completion in ("old", "new"):
        write_splits({"train": [("q", completion)]}, tmp_path, seed=0, card={})
    assert json.loads((tmp_path / "train.jsonl").read_text())["completion"] == "new"
    assert (tmp_path / "notes.txt").read_text() == "mine"
