"""A search in trackers, with the real libraries."""

import struct

import pytest
from finished_search import ENTRIES, IA3, LORA

from foretune.errors import ConfigurationError
from foretune.integrations.following import Following, followed
from foretune.integrations.trackers import (
    mlflow_follower,
    tensorboard_follower,
    trackio_follower,
    wandb_follower,
)
from foretune.tuner import Progress

REPORTS = tuple(entry.report for entry in ENTRIES)


def follow_twice(output, follower, address):
    """A search that ends after its second report, and is prolonged."""
    for reports in (REPORTS[:2], REPORTS):
        said = []
        observer = Following(output, lambda name: follower(address, name), said.append)
        observer(Progress(REPORTS[:2], None, 1.0, None))
        observer(Progress(reports, None, 1.0, None))
        observer.end()
        assert said == []


def test_mlflow_has_a_run_for_each_configuration(output, tmp_path):
    from mlflow.tracking import MlflowClient

    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    follow_twice(output, mlflow_follower, address)
    client = MlflowClient(tracking_uri=address)
    (experiment,) = [one for one in client.search_experiments() if one.name.startswith("run-")]
    runs = {run.data.tags["foretune.configuration"]: run for run in client.search_runs([experiment.experiment_id])}
    assert {key: run.info.status for key, run in runs.items()} == {LORA.key: "FINISHED", IA3.key: "FAILED"}
    assert runs[LORA.key].data.params == {name: str(value) for name, value in LORA.values.items()}
    assert runs[IA3.key].data.tags["message"] == "loss is NaN"
    curves = {
        key: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "validation_nll")]
        for key, run in runs.items()
    }
    assert curves == {LORA.key: [(1, 2.0), (2, 1.5)], IA3.key: [(1, 2.5)]}


def test_tensorboard_has_a_folder_for_each_configuration(output, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follow_twice(output, tensorboard_follower, str(tmp_path / "logs"))
    (search,) = (tmp_path / "logs").iterdir()
    curves = {}
    for folder in search.iterdir():
        events = EventAccumulator(str(folder))
        events.Reload()
        curves[folder.name] = [(one.step, one.value) for one in events.Scalars("validation_nll")]
    assert curves == {LORA.key: [(1, 2.0), (2, 1.5)], IA3.key: [(1, 2.5)]}


def test_trackio_has_a_run_for_each_configuration(output, tmp_path, monkeypatch):
    pytest.importorskip("trackio", reason="needs the extra 'trackio'")
    from trackio import Api, sqlite_storage

    monkeypatch.setattr(sqlite_storage, "TRACKIO_DIR", tmp_path / "trackio")
    follow_twice(output, trackio_follower, "tuning")
    runs = {run.name.rpartition("-")[2]: run for run in Api().runs("tuning")}
    assert {run.config["_Group"] for run in runs.values()} == {runs[LORA.key].name.removesuffix(f"-{LORA.key}")}
    assert {key: run.config["stage"] for key, run in runs.items()} == {LORA.key: "complete", IA3.key: "failed"}
    assert dict(LORA.values).items() <= runs[LORA.key].config.items()
    assert runs[IA3.key].config["message"] == "loss is NaN"
    curves = {
        key: [(row["step"], row["validation_nll"]) for row in sqlite_storage.SQLiteStorage.get_logs("tuning", run.name)]
        for key, run in runs.items()
    }
    assert curves == {LORA.key: [(1, 2.0), (2, 1.5)], IA3.key: [(1, 2.5)]}


@pytest.mark.slow
def test_wandb_has_an_offline_run_for_each_configuration(output, tmp_path):
    pytest.importorskip("wandb", reason="needs the extra 'wandb'")
    follow_twice(output, wandb_follower, str(tmp_path / "offline"))
    (search,) = (tmp_path / "offline").iterdir()
    folders = sorted(search.glob("wandb/offline-run-*"))
    assert sorted(folder.name.rpartition("-")[2] for folder in folders) == sorted([LORA.key, IA3.key])
    curves, ends = {}, {}
    for folder in folders:
        (file,) = folder.glob("*.wandb")
        records = list(wandb_records(file))
        (begun,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
        assert begun.project == search.name
        steps = [{item.key or item.nested_key[0]: item.value_json for item in one.history.item} for one in records]
        curves[begun.run_id] = [
            (int(one["_step"]), float(one["validation_nll"])) for one in steps if "validation_nll" in one
        ]
        ends[begun.run_id] = [one.exit.exit_code for one in records if one.WhichOneof("record_type") == "exit"]
        if begun.run_id == LORA.key:
            values = {item.key: item.value_json for item in begun.config.update}
            assert (values["rank"], values["method"]) == ("8", '"lora"')
    assert curves == {LORA.key: [(1, 2.0), (2, 1.5)], IA3.key: [(1, 2.5)]}
    assert ends == {LORA.key: [0], IA3.key: [1]}


def wandb_records(file):
    """Of a log of W&B: blocks of 32 KiB, whose records have a checksum, a length and a type first."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in {1, 4}:  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


@pytest.mark.parametrize("asked", ["comet:here", "mlflow"])
def test_a_tool_and_an_address_are_expected(asked, output):
    with (
        pytest.raises(ConfigurationError, match=f"--track got '{asked}', expected a tool and an address, such as"),
        followed(None, [asked], output, None),
    ):
        pass
