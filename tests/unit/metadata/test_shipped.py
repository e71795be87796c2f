"""Meta-datasets that come with the package."""

from pathlib import Path

import pytest

from foretune.metadata.shipped import REPLACED, meta_dataset_folder, replacement, shipped_meta_datasets


def test_every_shipped_meta_dataset_is_found_by_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert set(shipped_meta_datasets()) == {"foretune-tiny-v1", "public-llm-v2", "smollm2-v1"}
    assert list(shipped_meta_datasets()) == sorted(shipped_meta_datasets())
    for name in shipped_meta_datasets():
        assert (meta_dataset_folder(name) / "metadata.json").is_file()


@pytest.mark.parametrize("name", ["unknown", "a/public-llm-v2", "/nowhere"])
def test_other_names_are_folders(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert meta_dataset_folder(name) == Path(name)


def test_a_folder_goes_before_the_shipped_one_of_its_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "public-llm-v2").mkdir()
    assert meta_dataset_folder("public-llm-v2") == Path("public-llm-v2")


def test_a_meta_dataset_of_an_earlier_version_names_what_replaced_it():
    assert replacement("public-llm-v1") == " (replaced by public-llm-v2, which has all of its runs)"
    assert replacement("public-llm-v2") == replacement("unknown") == ""
    assert set(REPLACED.values()) <= set(shipped_meta_datasets())
    assert not set(REPLACED) & set(shipped_meta_datasets())
