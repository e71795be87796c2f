"""Meta-datasets that come with the package."""

from pathlib import Path

import pytest

from foretune.metadata.shipped import meta_dataset_folder, shipped_meta_datasets


def test_every_shipped_meta_dataset_is_found_by_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert {"foretune-tiny-v1", "public-llm-v1"} <= set(shipped_meta_datasets())
    assert list(shipped_meta_datasets()) == sorted(shipped_meta_datasets())
    for name in shipped_meta_datasets():
        assert (meta_dataset_folder(name) / "metadata.json").is_file()


@pytest.mark.parametrize("name", ["unknown", "a/public-llm-v1", "/nowhere"])
def test_other_names_are_folders(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert meta_dataset_folder(name) == Path(name)


def test_a_folder_goes_before_the_shipped_one_of_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "public-llm-v1").mkdir()
    assert meta_dataset_folder("public-llm-v1") == Path("public-llm-v1")
