"""Studies made by Optuna itself."""

import sqlite3

import pytest
from foreign_logs import WRITERS, Log

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs
from foretune.metadata import write_meta_dataset
from foretune.metadata.verify import verify

optuna = pytest.importorskip("optuna")
OPTIONS = ImportOptions(metric="eval_loss", dataset="data", model="base", rows=10)


class BrokenError(Exception):
    pass


def objective(trial):
    rate = trial.suggest_float("lr", 1e-5, 1e-2, log=True)
    trial.suggest_categorical("method", ["lora", "dora"])
    trial.suggest_int("rank", 1, 64)
    if trial.number == 3:
        raise BrokenError
    for step in range(1, 5):
        trial.report(float("nan") if trial.number == 4 and step == 3 else rate + 1 / step, step)
        if trial.number == 2 and step == 2:
            raise optuna.TrialPruned
    return rate


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = tmp_path_factory.mktemp("optuna") / "study.db"
    address = f"sqlite:///{file}"
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=address, study_name="curves", direction="minimize", sampler=sampler)
    study.optimize(objective, n_trials=5, catch=(BrokenError,))
    study.ask()
    values = optuna.create_study(storage=address, study_name="values", direction="maximize", sampler=sampler)
    values.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=3)
    several = optuna.create_study(storage=address, study_name="several", directions=["minimize", "maximize"])
    several.optimize(lambda trial: (trial.suggest_float("lr", 0, 1), 1.0), n_trials=1)
    return address


def test_intermediate_values_become_curves_and_states_become_statuses(storage):
    meta = import_runs("optuna", [storage], ImportOptions(**{**vars(OPTIONS), "parts": ("curves",)}))
    assert meta.runs["status"].tolist() == ["ok", "ok", "stopped", "failed", "diverged"]
    assert meta.tasks[["direction", "max_fidelity"]].values.tolist() == [["minimize", 4]]
    assert meta.curves["run"].value_counts(sort=False).tolist() == [4, 4, 2, 2]
    rate = meta.configurations[meta.runs["run"].iloc[0]].values["lr"]
    assert meta.curves["validation_value"].tolist()[:4] == pytest.approx([rate + 1 / step for step in range(1, 5)])
    assert (meta.curves["train_seconds"] > 0).all()
    assert meta.provenance["notes"] == ["1 trials that are running or waiting are left out"]
    assert meta.runs["started"].str.endswith("+00:00").all()


def test_values_alone_are_one_slice_in_the_direction_of_the_study(storage):
    meta = import_runs("optuna", [storage], ImportOptions(model="base", rows=10, parts=("values",)))
    assert meta.tasks[["task", "metric", "direction"]].values.tolist() == [["values@10:base", "objective", "maximize"]]
    assert meta.curves["fidelity"].tolist() == [1, 1, 1]


def test_a_file_of_a_database_or_of_a_journal_is_a_storage(storage, tmp_path):
    file = storage.removeprefix("sqlite:///")
    assert len(import_runs("optuna", [file], ImportOptions(model="base", rows=10, parts=("values",))).runs) == 3
    journal = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log")))
    study = optuna.create_study(storage=journal, study_name="logged")
    study.optimize(lambda trial: trial.suggest_float("lr", 0, 1), n_trials=2)
    assert len(import_runs("optuna", [str(tmp_path / "study.log")], ImportOptions(model="base", rows=10)).runs) == 2


def test_what_cannot_be_read_is_said(storage, tmp_path):
    with pytest.raises(InteropError, match="study 'several' has 2 objectives"):
        import_runs("optuna", [storage], ImportOptions(model="base", parts=("several",)))
    with pytest.raises(InteropError, match=r"no study none in .*; it has curves, values, several"):
        import_runs("optuna", [storage], ImportOptions(model="base", parts=("none",)))
    with pytest.raises(InteropError, match="no database at"):
        import_runs("optuna", [f"sqlite:///{tmp_path}/absent.db"])
    with pytest.raises(InteropError, match="no storage of Optuna at"):
        import_runs("optuna", [str(tmp_path / "absent.log")])
    assert not list(tmp_path.iterdir())


def test_another_database_is_refused_and_stays_as_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table mine (x int)")
    other.close()
    with pytest.raises(InteropError, match="cannot be read as a storage of Optuna"):
        import_runs("optuna", [str(tmp_path / "other.db")])
    with sqlite3.connect(tmp_path / "other.db") as other:
        assert other.execute("select name from sqlite_master").fetchall() == [("mine",)]
    other.close()


def write(folder, *logs):
    paths, options = WRITERS["optuna"](folder, logs, "study")
    return import_runs("optuna", paths, options)


def test_steps_counted_from_zero_have_their_own_values_and_costs(tmp_path):
    long = Log("long", (1.0, 0.5, 0.25, 0.125), (0, 1, 2, 3), (1.0,) * 4)
    short = [Log(f"short{at}", (0.75, 0.5 - at / 8), (0, 1), (1.0, 1.0), {"rank": 4 + at}) for at in range(2)]
    meta = write(tmp_path, long, *short)
    assert meta.curve(meta.runs["run"].iloc[0]).scores.tolist() == [-0.5, -0.125]
    assert meta.curve(meta.runs["run"].iloc[0]).seconds.tolist() == [2.0, 2.0]
    assert meta.curves["steps"].tolist() == [2, 4, 1, 2, 1, 2]
    write_meta_dataset(meta, tmp_path / "meta")
    verify(tmp_path / "meta")


def test_a_study_that_was_paused_costs_what_most_trials_do(tmp_path):
    logs = [Log(f"t{at}", (1.0, 0.5), (1, 2), (30.0 + at, 30.0 + at), {"rank": at + 1}) for at in range(3)]
    paused = Log("paused", (1.0, 0.25), (1, 2), (30.0, 40_000.0), {"rank": 64})
    meta = write(tmp_path, *logs, paused)
    assert meta.curve(meta.runs["run"].iloc[3]).seconds.tolist() == [31.0, 31.0]
    assert "pause of the study" in meta.provenance["notes"][0]


@pytest.mark.parametrize("value", [float("inf"), 1.7976931348623157e308, float("nan")])
def test_an_infinity_is_no_score(tmp_path, value):
    meta = write(tmp_path, Log("a", (1.0, value), (1, 2), (1.0, 1.0)), Log("b", (1.0, 0.5), (1, 2), (1.0, 2.0)))
    assert meta.runs["status"].tolist() in (["diverged", "ok"], ["failed", "ok"])
    assert meta.curves["validation_value"].max() == 1.0
