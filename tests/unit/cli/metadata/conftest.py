"""Meta-datasets in folders, and a runner of commands, for the tests of `foretune metadata`."""

import pytest
from typer.testing import CliRunner

from foretune.cli import commands
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
    """Two tasks with six runs each."""
    write_meta_dataset(table("a", "b"), tmp_path / "ab")
    return tmp_path / "ab"


@pytest.fixture
def three_tasks(tmp_path):
    """Three tasks with the same four losses each."""
    write_meta_dataset(MetaDataset(*tables(), {"defaults": {"m": {"rank": 1}}}), tmp_path / "three")
    return tmp_path / "three"


@pytest.fixture
def say():
    """Run a command in a terminal of so many columns."""

    def run(*arguments, columns=200):
        return CliRunner().invoke(commands, [str(one) for one in arguments], env={"COLUMNS": str(columns)})

    return run
