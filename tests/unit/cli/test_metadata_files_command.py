"""`foretune metadata verify`, `merge`, `export` and the sections of `describe`."""

import pytest
from typer.testing import CliRunner

from foretune.cli import app, commands
from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset, read_meta_dataset, write_meta_dataset
from foretune.metadata.frames import rows_to_frame


def table(*tasks):
    """Six runs on each task, of two methods, and a default."""
    facts = {"n_train": 50, "max_fidelity": 2, "source": "made up", "license": "CC0", "zero_shot_validation_value": 4.0}
    facts |= {"model": "m", "metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds"}
    run = {"seed": 0, "status": "ok", "message": "", "hardware": "x", "versions": "{}", "started": ""}
    rows = {"tasks": [], "runs": [], "curves": []}
    for place, task in enumerate(tasks):
        rows["tasks"].append({"task": f"{task}:m", "dataset": task, "family": f"family {task}", **facts})
        for number in range(6):
            name = f"{task}{number}"
            values = {"config.rank": number, "config.method": "lora" if number else "dora"}
            rows["runs"].append({"run": name, "task": f"{task}:m", **values, **run})
            for fidelity in (1, 2):
                seconds = {"train_seconds": 1.0 + number + ord(task) / 8, "evaluation_seconds": 1.0}
                loss = 1.0 + (number + place) % 6 + 1 / fidelity
                one = {"fidelity": fidelity, "tokens": 1000 * fidelity, "validation_value": loss, **seconds}
                rows["curves"].append({"run": name, **one})
    frames = (rows_to_frame(name, part) for name, part in rows.items())
    return MetaDataset(*frames, {"defaults": {"m": {"rank": 1, "method": "lora"}}})


@pytest.fixture
def folder(tmp_path):
    write_meta_dataset(table("a", "b"), tmp_path / "ab")
    return tmp_path / "ab"


def say(*arguments, columns=80):
    return CliRunner().invoke(commands, [str(one) for one in arguments], env={"COLUMNS": str(columns)})


def test_verify_lists_the_checks(folder):
    result = say("metadata", "verify", folder)
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "no run is a copy of another" in line)
    assert line.split()[-1] == "12"
    assert result.output.rstrip().endswith("All 16 checks passed.")


def test_a_fault_is_one_line_and_the_exit_status_2(folder, capsys):
    content = bytearray((folder / "runs.parquet").read_bytes())
    content[100] ^= 1
    (folder / "runs.parquet").write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        app(["metadata", "verify", str(folder)])
    assert stopped.value.code == 2
    assert "runs.parquet is not the file that metadata.json was written for" in capsys.readouterr().err


def test_merge_counts_what_was_found_again(folder, tmp_path):
    result = say("metadata", "merge", folder, folder, "--out", tmp_path / "all", columns=200)
    assert result.exit_code == 0, result.output
    assert "Runs found again, with the same content: 12." in result.output
    assert "all: 2 tasks, 12 runs." in result.output
    assert say("metadata", "verify", tmp_path / "all").exit_code == 0
    again = say("metadata", "merge", folder, "--out", tmp_path / "all")
    assert isinstance(again.exception, MetaDatasetError)
    assert "holds a meta-dataset already; give another --out" in str(again.exception)


def test_export_writes_files_of_some_tasks(folder, tmp_path):
    result = say("metadata", "export", "syne-tune", folder, "--out", tmp_path / "out", "--task", "a:m", columns=200)
    assert result.exit_code == 0, result.output
    assert "1 tasks, 6 configurations, 1 seed" in result.output
    assert "hyperparameters.parquet" in result.output
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_describe_fits_80_columns(folder, tmp_path):
    result = say("metadata", "describe", folder, "--plots", tmp_path / "plots")
    assert result.exit_code == 0, result.output
    tables = [line for line in result.output.splitlines() if "plots" not in line]
    assert max(len(line) for line in tables) <= 80
    for title in ("Tasks on m", "Models and families", "Methods", "Rank correlation of common"):
        assert title in result.output
    assert "12 runs (12 ok), 0.11 hours of training and evaluation" in result.output
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names == ["cost.png", "curves.png", "rank_correlations.png", "spread.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "plots").iterdir())


def test_describe_knows_other_metrics_and_costs(folder, tmp_path):
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
    result = say("metadata", "describe", tmp_path / "other", "--plots", tmp_path / "plots")
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if line.startswith(" a "))
    assert line.split()[:6] == ["a", "family", "a", "6", "7.000", "4.000"]
    assert "steps of training and evaluation" in result.output
