"""A dataset that several searches are made on."""

import json

import pytest
from rows_of_data import COUNTING


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "counting"
    folder.mkdir()
    for split, rows in {"train": COUNTING[:24], "validation": COUNTING[24:32], "test": COUNTING[32:]}.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
