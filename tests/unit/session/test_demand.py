from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from foretune.errors import ModelError
from foretune.finetuning.data import Splits, load_splits
from foretune.finetuning.model import shipped_model
from foretune.session import demand
from foretune.session.demand import downloaded, find_demand, find_model


@pytest.fixture
def splits(tmp_path: Path) -> Splits:
    path = tmp_path / "sums.jsonl"
    rows = ({"prompt": f"What is {i} plus {i}?", "completion": str(2 * i)} for i in range(60))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_splits(str(path), seed=0)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The shipped model without its weights."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for file in shipped_model().iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    return folder


def test_a_folder_with_tokenizer_leaves_nothing_to_guess(splits, bare):
    model = find_model(str(bare))
    found, notes = find_demand(model, splits)
    assert (model.notes, notes) == ((), ())
    assert (found.shape.width, found.shape.layers) == (192, 3)
    assert len(found.workload.lengths) == len(splits.train)


def test_without_a_tokenizer_tokens_are_guessed(splits, bare, tmp_path):
    folder = tmp_path / "config-alone"
    folder.mkdir()
    shutil.copy(bare / "config.json", folder)
    found, notes = find_demand(find_model(str(folder)), splits)
    assert len(notes) == 1
    assert "4 characters" in notes[0]
    assert found.workload.lengths.min() > 8


def test_of_a_hub_name_the_size_is_enough(splits, monkeypatch):
    monkeypatch.setattr(demand, "downloaded", lambda _: None)
    model = find_model("someone/New-8B")
    assert find_demand(model, splits)[0].shape.parameters == 8e9
    assert (model.source, model.targets, model.billions) == (None, None, 8.0)
    assert "the usual shape of 8 billion parameters" in model.notes[0]
    assert "hf download someone/New-8B config.json" in model.notes[0]


def test_what_was_downloaded_earlier_is_used(splits, bare, monkeypatch):
    monkeypatch.setattr(demand, "downloaded", lambda _: str(bare))
    model = find_model("some/Model-8B")
    assert (model.name, model.source, model.notes) == ("some/Model-8B", str(bare), ())
    found, notes = find_demand(model, splits)
    assert notes == ()
    assert found.shape.parameters < 1e8


def test_what_was_not_downloaded_is_not_found_and_nothing_is_fetched():
    assert downloaded("nobody-at-all/No-Such-Model-8B") is None


@pytest.mark.parametrize("given", ["bar", "{parent}/bare-", "{parent}/barre"])
def test_a_folder_that_is_mistyped_is_named(bare, monkeypatch, given):
    monkeypatch.chdir(bare.parent)
    with pytest.raises(ModelError, match=r"there is no model folder .*; did you mean .*bare\?"):
        find_model(given.format(parent=bare.parent))


def test_a_path_to_nothing_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no model folder at"):
        find_model(str(tmp_path / "nothing-8B"))
