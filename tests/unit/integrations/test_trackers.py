"""A search in MLflow and TensorBoard, with the real libraries."""

import pytest
from finished_search import ENTRIES, IA3, LORA

from foretune.errors import ConfigurationError
from foretune.integrations.following import Following, followed
from foretune.integrations.trackers import mlflow_follower, tensorboard_follower
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


@pytest.mark.parametrize("asked", ["wandb:here", "mlflow"])
def test_a_tool_and_an_address_are_expected(asked, output):
    with (
        pytest.raises(ConfigurationError, match=f"--track got '{asked}', expected a tool and an address, such as"),
        followed(None, [asked], output, None),
    ):
        pass
