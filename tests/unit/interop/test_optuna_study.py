"""Studies made by Optuna itself."""

import sqlite3

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

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
