"""Stores made by MLflow itself: plain files and SQLite."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

with pytest.MonkeyPatch.context() as quiet:
    quiet.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    tracking = pytest.importorskip("mlflow.tracking")
OPTIONS = ImportOptions(metric="eval_loss", test_metric="test_loss", model="param:base", rows=10)


def fill(address):
    """Two experiments: three runs with curves, one without the metric, one that has not ended."""
    client = tracking.MlflowClient(tracking_uri=address)
    first, second = client.create_experiment("news"), client.create_experiment("math")
    log(client, first, "a", {"lr": "1e-4", "r": "8", "base": "org/m", "seed": "3"}, [1.0, 0.9, 0.8], test=0.85)
    log(client, first, "b", {"lr": "0.001", "r": "16", "base": "org/m", "seed": "4"}, [1.0, 0.5, 0.4], status="FAILED")
    log(client, second, "c", {"lr": "1e-4", "r": "None", "base": "org/m", "seed": "3"}, [2.0, float("nan")])
    log(client, second, "other", {"lr": "1"}, [])
    log(client, second, "going", {"lr": "1"}, [1.0], status="")


def log(client, experiment, name, parameters, values, test=None, status="FINISHED"):
    run = client.create_run(experiment, run_name=name, start_time=1_700_000_000_000).info.run_id
    for parameter, value in parameters.items():
        client.log_param(run, parameter, value)
    for place, value in enumerate(values, start=1):
        client.log_metric(run, "eval_loss", value, timestamp=1_700_000_000_000 + 2000 * place, step=10 * place)
    client.log_metric(run, "test_loss" if test else "train_loss", test or 1.0)
    if status:
        client.set_terminated(run, status)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow") / "mlruns"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        fill(folder.as_uri())
    return folder


def check(meta):
    assert meta.task_ids == ("news@10:m", "math@10:m")
    assert meta.tasks[["metric", "direction"]].values.tolist() == [["eval_loss", "minimize"]] * 2
    assert meta.runs["status"].tolist() == ["ok", "failed", "diverged"]
    assert meta.runs["seed"].tolist() == [3, 4, 3]
    assert meta.runs["started"].tolist() == ["2023-11-14T22:13:20+00:00"] * 3
    assert dict(meta.configurations[meta.runs["run"].iloc[0]].values) == {"lr": 1e-4, "r": 8}
    assert dict(meta.configurations[meta.runs["run"].iloc[2]].values) == {"lr": 1e-4}
    assert meta.curves["validation_value"].tolist() == [1.0, 0.9, 0.8, 1.0, 0.5, 0.4, 2.0]
    assert meta.curves["train_seconds"].tolist() == [2.0] * 7
    assert meta.curves["test_value"].dropna().tolist() == [0.85]
    assert meta.provenance["notes"][0].startswith("2 runs that have not ended")


def test_histories_of_a_folder_become_curves(files):
    check(import_runs("mlflow", [str(files)], OPTIONS))


def test_a_database_is_read_like_a_folder(tmp_path):
    address = f"sqlite:///{tmp_path}/mlflow.db"
    fill(address)
    check(import_runs("mlflow", [address], OPTIONS))


def test_one_experiment_and_a_few_parameters_can_be_chosen(files):
    chosen = {"lr": "learning_rate"}
    options = ImportOptions(metric="eval_loss", dataset="d", model="m", rows=1, parts=("news",), parameters=chosen)
    meta = import_runs("mlflow", [str(files)], options)
    assert meta.task_ids == ("d@1:m",)
    assert meta.runs["config.learning_rate"].tolist() == [1e-4, 1e-3]
    assert "config.r" not in meta.runs


def test_what_is_missing_is_said(files, tmp_path):
    with pytest.raises(InteropError, match=r"no metric given; .* the source has: eval_loss, test_loss, train_loss"):
        import_runs("mlflow", [str(files)])
    with pytest.raises(InteropError, match="no ended run has the metric 'loss'; the 5 runs have: eval_loss"):
        import_runs("mlflow", [str(files)], ImportOptions(metric="loss"))
    with pytest.raises(InteropError, match=r"no experiment art in the MLflow store; it has .*math"):
        import_runs("mlflow", [str(files)], ImportOptions(metric="loss", parts=("art",)))
    with pytest.raises(InteropError, match="no MLflow store at"):
        import_runs("mlflow", [str(tmp_path / "absent")], OPTIONS)
    with pytest.raises(InteropError, match="no database at"):
        import_runs("mlflow", [f"sqlite:///{tmp_path}/absent.db"], OPTIONS)
    assert not list(tmp_path.iterdir())


def test_the_library_is_named_where_it_is_missing(monkeypatch, files):
    import importlib

    real = importlib.import_module

    def absent(name):
        if name.startswith("mlflow"):
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr("foretune.interop.optional.import_module", absent)
    with pytest.raises(InteropError, match=r"pip install 'foretune\[mlflow\]'"):
        import_runs("mlflow", [str(files)], OPTIONS)


def test_an_infinity_of_an_sql_store_is_a_divergence(tmp_path):
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = tracking.MlflowClient(tracking_uri=address)
    experiment = client.create_experiment("e")
    log(client, experiment, "lost", {"lr": "1", "base": "org/m"}, [1.0, float("inf"), 0.5])
    log(client, experiment, "kept", {"lr": "2", "base": "org/m"}, [1.0, 0.9, 0.8])
    meta = import_runs("mlflow", [address], OPTIONS)
    assert dict(zip(meta.runs["config.lr"], meta.runs["status"], strict=True)) == {1: "diverged", 2: "ok"}
    assert sorted(meta.curves["validation_value"]) == [0.8, 0.9, 1.0, 1.0]
