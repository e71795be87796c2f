"""Folders of runs in a place for all machines."""

import fsspec
import pytest

from foretune.errors import ConfigurationError
from foretune.execution.store import Store


@pytest.fixture(params=["folder", "service"])
def store(request, tmp_path):
    """A folder, and files in memory, which fsspec treats as it does a bucket."""
    if request.param == "folder":
        yield Store(str(tmp_path / "store"))
        return
    files = fsspec.filesystem("memory")
    yield Store("memory://bucket/runs")
    files.store.clear()


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_folder_comes_back_as_it_went(store, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    write(there, state__weights="1", best__adapter="2", run="3")
    store.push(there, "key")
    store.pull("key", back)
    assert contents(back) == {"state/weights": "1", "best/adapter": "2", "run": "3"}
    store.pull("key/best", tmp_path / "best")
    assert contents(tmp_path / "best") == {"adapter": "2"}


def test_a_later_slice_replaces_an_earlier_one(store, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    for text in ("first", "second"):
        write(there, state__weights=text)
        store.push(there, "key")
        store.pull("key", back)
        assert contents(back) == {"state/weights": text}


def test_a_file_goes_into_a_folder_of_its_name(store, tmp_path):
    write(tmp_path, data="rows")
    store.push(tmp_path / "data", ".data/1")
    store.pull(".data/1", tmp_path / "back")
    assert contents(tmp_path / "back") == {"data": "rows"}


def test_what_is_not_there_is_nothing(store, tmp_path):
    store.check()
    store.pull("unknown", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot write to .*/file/runs .*; give a folder that all machines"):
        Store(str(tmp_path / "file" / "runs")).check()
    with pytest.raises(ConfigurationError, match="cannot write to nonsense://runs"):
        Store("nonsense://runs").check()


def test_only_a_folder_has_a_path(tmp_path):
    assert Store(str(tmp_path)).folder == Store(f"file://{tmp_path}").folder == tmp_path
    assert Store("s3://bucket/runs").folder is None
