"""`foretune metadata` and what of `foretune collect` needs no model."""

import pytest
from typer.testing import CliRunner

from foretune.cli import commands
from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset, write_meta_dataset
from foretune.metadata.frames import rows_to_frame


def tables():
    scores = {
        f"zero_shot_validation_{name}": value
        for name, value in {"value": 4.0, "token_accuracy": 0.1, "exact_match": 0.0}.items()
    }
    sizes = {"n_train": 50, "n_validation": 20, "n_test": 20, "max_fidelity": 1, "source": "made up", "license": "CC0"}
    sizes |= {"model": "m", "metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds"}
    run = {"seed": 0, "status": "ok", "message": "", "hardware": "x", "versions": "{}", "started": "now"}
    one = {"fidelity": 1, "epochs": 1.0, "steps": 1, "tokens": 1, "train_seconds": 1.0, "evaluation_seconds": 1.0}
    score = {"validation_token_accuracy": 0.5, "validation_exact_match": 0.5}
    found = {"tasks": [], "runs": [], "curves": []}
    for task in ("a", "b", "c"):
        found["tasks"].append({"task": task, "dataset": task, "family": f"family {task}", **sizes, **scores})
        for number in range(4):
            name = f"{task}{number}"
            found["runs"].append({"run": name, "task": task, "config.rank": number, **run})
            found["curves"].append({"run": name, **one, **score, "validation_value": 1.0 + number})
    return [rows_to_frame(name, rows) for name, rows in found.items()]


@pytest.fixture
def folder(tmp_path):
    write_meta_dataset(MetaDataset(*tables(), {"defaults": {"m": {"rank": 1}}}), tmp_path)
    return tmp_path


def say(*arguments):
    result = CliRunner().invoke(commands, [str(one) for one in arguments], env={"COLUMNS": "200"})
    return result, result.output


def test_describe_lists_tasks_and_counts_runs(folder):
    result, output = say("metadata", "describe", folder)
    assert result.exit_code == 0, output
    line = next(line for line in output.splitlines() if "family b" in line)
    assert line.split() == ["b", "family", "b", "50", "4", "4.000", "1.000", "3.000", "2.0"]
    assert "12 runs (12 ok), 0.01 hours" in output


def test_gate_prints_regrets_of_every_order(folder):
    result, output = say("metadata", "gate", folder, "--leave-out", "family")
    assert result.exit_code == 0, output
    for order in ("average", "portfolio", "oracle", "portfolio - oracle"):
        line = next(line for line in output.splitlines() if f"│ {order} " in line)
        assert line.count("0.00 +- 0.00") == 4
    assert "1.00 +- 0.00" in next(line for line in output.splitlines() if "│ random " in line)
    assert "3 tasks, 4 common configurations" in output
    assert "mean rank of the default: 2.0 of 4" in output


def test_a_folder_without_a_meta_dataset_is_a_plain_error(tmp_path):
    result, _ = say("metadata", "describe", tmp_path)
    assert isinstance(result.exception, MetaDatasetError)


def test_finish_without_a_collection_is_a_plain_error(tmp_path):
    result, _ = say("collect", "--out", tmp_path, "--finish")
    assert "holds no collection" in str(result.exception)


def test_tasks_may_follow_one_option_or_stand_alone(tmp_path):
    (tmp_path / "data").mkdir()
    for arguments in (["--tasks", "nowhere"], ["--tasks", tmp_path / "data", "nowhere"], ["nowhere"]):
        result, _ = say("collect", "--out", tmp_path / "meta", *arguments)
        assert "no dataset at 'nowhere'" in str(result.exception)
