"""Tasks of TaskSet as .npz."""

import numpy as np
import pytest

from foretune.errors import InteropError
from foretune.interop import ImportOptions, import_runs

NAME = "FixedTextRNNClassification_imdb_patch32_GRU64_avg_bs128.npz"


def arrays(points=4):
    curve = np.linspace(0.7, 0.4, points, dtype=np.float32)
    values = np.stack([curve, curve - 0.1])
    values[1, 2:] = np.nan
    names = np.array(["learning_rate", "beta1"])
    return {"hp_names": names, "X": np.array([[1e-3, 0.9], [1.0, 0.8]]), "valid": values, "test": values + 0.01}


def test_the_untrained_point_is_no_slice_and_nan_is_divergence(tmp_path):
    np.savez(tmp_path / NAME, **arrays())
    meta = import_runs("taskset", [str(tmp_path)], ImportOptions(rows=25_000))
    assert meta.task_ids == ("imdb_patch32@25000:GRU64_avg_bs128",)
    assert (meta.tasks["max_fidelity"].iloc[0], meta.tasks["cost_unit"].iloc[0]) == (3, "steps")
    assert meta.runs["status"].tolist() == ["ok", "diverged"]
    assert meta.curves["steps"].tolist() == [200, 400, 600, 200]
    assert meta.curves["train_seconds"].tolist() == [200.0] * 4
    assert meta.curves["validation_value"].iloc[2] == pytest.approx(0.4)
    assert dict(meta.configurations[meta.runs["run"].iloc[1]].values) == {"learning_rate": 1.0, "beta1": 0.8}


def test_other_files_are_refused(tmp_path):
    (tmp_path / NAME).write_text("no archive")
    with pytest.raises(InteropError, match="is not a task of TaskSet"):
        import_runs("taskset", [str(tmp_path)])
    np.savez(tmp_path / NAME, X=np.zeros((2, 2)))
    with pytest.raises(InteropError, match="hp_names"):
        import_runs("taskset", [str(tmp_path)])
    np.savez(tmp_path / NAME, **arrays() | {"test": np.zeros((3, 4))})
    with pytest.raises(InteropError, match=r"'test': \(3, 4\)"):
        import_runs("taskset", [str(tmp_path)])
    (tmp_path / NAME).unlink()
    with pytest.raises(InteropError, match=r"no \.npz file"):
        import_runs("taskset", [str(tmp_path)])
