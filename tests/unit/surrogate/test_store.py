from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from synthetic_table import synthetic_surrogates

from foretune.errors import SurrogateError
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.surrogate.store import ARRAYS_FILE, DESCRIPTION_FILE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_surrogates(tmp_path / "made" / "here", synthetic_surrogates())
    return tmp_path / "made" / "here"


def change(folder: Path, **values: object) -> None:
    file = folder / DESCRIPTION_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_a_folder_holds_two_files_of_which_one_can_be_read(folder):
    assert sorted(file.name for file in folder.iterdir()) == [DESCRIPTION_FILE, ARRAYS_FILE]
    description = json.loads((folder / DESCRIPTION_FILE).read_text())
    assert description["schema_version"] == 2
    assert description["kind"] == "deep-kernel"
    assert "zero_shot_nll" in description["features"]
    assert description["card"]["excluded_families"] == ["delta"]


def test_saving_is_deterministic(folder, tmp_path):
    save_surrogates(tmp_path / "again", synthetic_surrogates())
    for name in (ARRAYS_FILE, DESCRIPTION_FILE):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_changed_arrays_are_noticed(folder):
    payload = bytearray((folder / ARRAYS_FILE).read_bytes())
    payload[-1] ^= 1
    (folder / ARRAYS_FILE).write_bytes(bytes(payload))
    with pytest.raises(SurrogateError, match=r"sha256 differs.*get the folder again"):
        load_surrogates(folder)


def test_a_newer_schema_asks_for_an_update(folder):
    change(folder, schema_version=99)
    with pytest.raises(SurrogateError, match=r"schema version 99.*reads 2; update foretune"):
        load_surrogates(folder)


def test_an_older_schema_asks_for_a_new_fit(folder):
    change(folder, schema_version=1)
    with pytest.raises(SurrogateError, match=r"schema version 1, this foretune reads 2; fit the surrogates anew"):
        load_surrogates(folder)


@pytest.mark.parametrize(("field", "value"), [("encoder", {}), ("features", None), ("kind", "in-context"), ("kind", 3)])
def test_a_description_that_does_not_fit_the_arrays_is_refused(folder, field, value):
    change(folder, **{field: value})
    with pytest.raises(SurrogateError, match="does not hold complete surrogates"):
        load_surrogates(folder)


@pytest.mark.parametrize("text", ["not json", "[1]", "{}"])
def test_a_description_that_is_none_is_refused(folder, text):
    (folder / DESCRIPTION_FILE).write_text(text)
    with pytest.raises(SurrogateError, match=r"is not JSON|has no schema version"):
        load_surrogates(folder)


@pytest.mark.parametrize("name", [ARRAYS_FILE, DESCRIPTION_FILE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(SurrogateError, match=f"no {name} in"):
        load_surrogates(folder)


def test_a_moved_folder_loads(folder, tmp_path):
    shutil.move(folder, tmp_path / "elsewhere")
    assert load_surrogates(tmp_path / "elsewhere").card["seed"] == 0


def test_surrogates_of_another_make_cannot_be_saved(tmp_path):
    fitted = synthetic_surrogates()
    with pytest.raises(SurrogateError, match="got DeepKernelSurrogate and DeepKernelSurrogate"):
        save_surrogates(tmp_path, Surrogates(fitted.performance, fitted.performance))  # type: ignore[arg-type]
