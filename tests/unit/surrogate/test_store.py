from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_table import bare_table, synthetic_surrogates

from foretune.errors import SurrogateError
from foretune.space import Encoder, load_space
from foretune.surrogate import Surrogates, load_surrogates, save_surrogates
from foretune.surrogate.cost import EvenCost
from foretune.surrogate.fit import fit
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.store import ARRAYS_FILE, DESCRIPTION_FILE, SCHEMA_VERSION
from foretune.types import LearningCurve


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
    assert description["schema_version"] == SCHEMA_VERSION
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
    with pytest.raises(SurrogateError, match=rf"schema version 99.*reads {SCHEMA_VERSION}; update foretune"):
        load_surrogates(folder)


def test_an_older_schema_asks_for_a_new_fit(folder):
    change(folder, schema_version=1)
    with pytest.raises(
        SurrogateError, match=rf"schema version 1, this foretune reads {SCHEMA_VERSION}; fit the surrogates anew"
    ):
        load_surrogates(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [("encoder", {}), ("features", None), ("kind", "in-context"), ("kind", 3), ("card", [1]), ("encoder", "[" * 5000)],
)
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


def test_surrogates_of_tasks_that_are_not_described_predict_the_same_from_the_disk(tmp_path):
    fitted = fit([bare_table()], seed=0, exclude_tasks=["task-3"], kind="in-context")
    save_surrogates(tmp_path, fitted)
    stored = load_surrogates(tmp_path)
    assert stored.card == fitted.card
    assert stored.cost == fitted.cost == EvenCost()
    assert stored.memory is None
    table = bare_table()
    task, runs = table.task("task-3"), [run for run in table.runs_of("task-3") if len(table.curve(run))]
    pool = [table.configurations[run] for run in runs]
    whole, part = table.curve(runs[0]), table.curve(runs[1])
    seen = {pool[0].key: whole, pool[1].key: LearningCurve(part.scores[:2], part.seconds[:2])}
    for observed in ({}, seen):
        one, two = (pair.performance.on(task, pool)(observed) for pair in (fitted, stored))
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.std, two.std)


def test_an_encoder_of_what_was_observed_comes_back_from_the_disk(tmp_path):
    """One of optional columns, for configurations that no shipped space has."""
    table = bare_table()
    runs = table.runs.rename(columns={"config.dropout": "config.momentum"})
    performance = fit([replace(table, runs=runs)], seed=0, kind="in-context").performance
    assert isinstance(performance, InContextSurrogate)
    assert performance.encoder != Encoder.of(load_space("peft"))
    save_surrogates(tmp_path, Surrogates(performance, EvenCost()))
    stored = load_surrogates(tmp_path).performance
    assert isinstance(stored, InContextSurrogate)
    assert stored.encoder == performance.encoder
    assert any(column.optional for column in stored.encoder.columns)
    np.testing.assert_array_equal(stored.scenarios.values, performance.scenarios.values)
