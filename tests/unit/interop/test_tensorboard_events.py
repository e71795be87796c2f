"""Events written by PyTorch's SummaryWriter."""

import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

pytest.importorskip("tensorboard")
OPTIONS = ImportOptions(metric="eval/loss", test_metric="test/loss", dataset="data", model="base", rows=10)


def write(folder, values, hyperparameters=None, name="."):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        start = 1_700_000_000.0
        writer.add_scalar("train/loss", 3.0, 0, walltime=start)
        for place, value in enumerate(values, start=1):
            writer.add_scalar("eval/loss", value, 10 * place, walltime=start + 2.0 * place)
        writer.add_scalar("test/loss", 0.75, 10 * len(values), walltime=start + 2.0 * len(values))
        if hyperparameters:
            writer.add_hparams(hyperparameters, {"final": 1.0}, run_name=name)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    write(folder / "a", [1.0, 0.9, 0.8], {"lr": 1e-3, "rank": 8, "method": "lora"})
    write(folder / "deep" / "b", [1.0, 0.5, 0.4], {"lr": 1e-2, "rank": 4, "method": "dora"}, name="session")
    return folder


def test_scalars_become_curves_and_hyperparameters_come_from_the_plugin(logs):
    meta = import_runs("tensorboard", [str(logs)], OPTIONS)
    assert meta.runs["run"].tolist() == ["data@10:base/a", "data@10:base/deep/b"]
    assert dict(meta.configurations["data@10:base/deep/b"].values) == {"lr": 1e-2, "rank": 4, "method": "dora"}
    assert meta.curves["validation_value"].tolist() == pytest.approx([1.0, 0.9, 0.8, 1.0, 0.5, 0.4])
    # The file begins when the writer is made, which is after the walltimes made up here; the first slice is no measure.
    assert meta.curves["train_seconds"].tolist()[1:3] == [2.0, 2.0]
    assert (meta.curves["train_seconds"] > 0).all()
    assert meta.curves["test_value"].dropna().tolist() == [0.75, 0.75]


def test_settings_beside_the_logs_stand_in_for_the_plugin(tmp_path):
    write(tmp_path / "logs" / "a", [1.0])
    with pytest.raises(InteropError, match="run 'a' has no hyperparameters"):
        import_runs("tensorboard", [str(tmp_path / "logs")], OPTIONS)
    (tmp_path / "settings.yaml").write_text("a: {lr: 0.1}\n")
    options = ImportOptions(**{**vars(OPTIONS), "settings": tmp_path / "settings.yaml"})
    meta = import_runs("tensorboard", [str(tmp_path / "logs")], options)
    assert dict(meta.configurations["data@10:base/a"].values) == {"lr": 0.1}


def test_what_is_missing_is_said(logs, tmp_path):
    with pytest.raises(InteropError, match=r"no metric given; .*: eval/loss, final, test/loss, train/loss"):
        import_runs("tensorboard", [str(logs)])
    with pytest.raises(InteropError, match="has the tag 'loss'; the tags are: eval/loss"):
        import_runs("tensorboard", [str(logs)], ImportOptions(metric="loss"))
    with pytest.raises(InteropError, match="no event files below"):
        import_runs("tensorboard", [str(tmp_path)], OPTIONS)
    with pytest.raises(InteropError, match="does not say the model"):
        import_runs("tensorboard", [str(logs)], ImportOptions(metric="eval/loss", dataset="d"))
