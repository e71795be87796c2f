"""`foretune metadata describe`."""

import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset, read_meta_dataset, write_meta_dataset


def test_describe_lists_tasks_and_counts_runs(three_tasks, say):
    result = say("metadata", "describe", three_tasks)
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "family b" in line)
    assert line.split() == ["b", "family", "b", "50", "4", "4.000", "1.000", "3.000", "2.0"]
    assert "12 runs (12 ok), 0.01 hours" in result.output


def test_repeated_runs_tell_the_noise(three_tasks, tmp_path, say):
    assert "over seeds" not in say("metadata", "describe", three_tasks).output
    meta = read_meta_dataset(three_tasks)
    runs = meta.runs[meta.runs["run"] == "b1"].assign(run="b1.1", seed=7)
    curves = meta.curves[meta.curves["run"] == "b1"].assign(run="b1.1", validation_value=2.5)  # instead of 2.0
    tables = (meta.tasks, pd.concat([meta.runs, runs]), pd.concat([meta.curves, curves]))
    write_meta_dataset(MetaDataset(*tables, meta.provenance), tmp_path / "repeated")
    result = say("metadata", "describe", tmp_path / "repeated")
    assert "Standard deviation over seeds of a run's best value: 0.354 on b\n" in result.output


def test_a_folder_without_a_meta_dataset_is_a_plain_error(tmp_path, say):
    result = say("metadata", "describe", tmp_path)
    assert isinstance(result.exception, MetaDatasetError)


def test_describe_fits_80_columns(folder, tmp_path, say):
    result = say("metadata", "describe", folder, "--plots", tmp_path / "plots", columns=80)
    assert result.exit_code == 0, result.output
    tables = [line for line in result.output.splitlines() if "plots" not in line]
    assert max(len(line) for line in tables) <= 80
    for title in ("Tasks on m", "Models and families", "Methods", "Rank correlation of common"):
        assert title in result.output
    assert "12 runs (12 ok), 0.11 hours of training and evaluation" in result.output
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names == ["cost.png", "curves.png", "rank_correlations.png", "spread.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "plots").iterdir())


def test_describe_knows_other_metrics_and_costs(folder, tmp_path, say):
    meta = read_meta_dataset(folder)
    tasks = meta.tasks.assign(
        metric="accuracy",
        direction="maximize",
        cost_unit="steps",
        zero_shot_validation_value=float("nan"),
        n_train=None,
    )
    tasks["n_train"] = tasks["n_train"].astype("Int64")
    write_meta_dataset(MetaDataset(tasks, meta.runs, meta.curves), tmp_path / "other")
    result = say("metadata", "describe", tmp_path / "other", "--plots", tmp_path / "plots", columns=80)
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if line.startswith(" a "))
    assert line.split()[:6] == ["a", "family", "a", "6", "7.000", "4.000"]
    assert "steps of training and evaluation" in result.output
