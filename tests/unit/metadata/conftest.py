"""Tables small enough to read: three tasks of two families, and a few runs on each."""

import pytest

from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame

SLICES = 3


def task_row(task, family="qa", **changes):
    scores = {
        f"zero_shot_{split}_{name}": value
        for split in ("validation", "test")
        for name, value in {"value": 4.0, "token_accuracy": 0.1, "exact_match": 0.0}.items()
    }
    sizes = {"n_train": 50, "n_validation": 20, "n_test": 20, "max_fidelity": SLICES}
    features = {"feature.zero_shot_nll": 4.0, "feature.log_train_rows": 1.7}
    return {
        "task": task,
        "dataset": task,
        "model": "tiny",
        "metric": "validation_nll",
        "direction": "minimize",
        "cost_unit": "seconds",
        "family": family,
        "source": "made up",
        "license": "CC0",
        **sizes,
        **scores,
        **features,
        **changes,
    }


def run_row(run, task, *, rate=0.01, **changes):
    return {
        "run": run,
        "task": task,
        "seed": 7,
        "status": "ok",
        "message": "",
        "parameters_trained": 96,
        "peak_memory_bytes": None,
        "hardware": "a processor",
        "versions": '{"torch": "2.13.0"}',
        "started": "2026-01-01T00:00:00+00:00",
        "config.method": "lora",
        "config.rank": 8,
        "config.learning_rate": rate,
        **changes,
    }


def curve_rows(run, losses):
    return [
        {
            "run": run,
            "fidelity": fidelity,
            "epochs": fidelity / 2,
            "steps": 10 * fidelity,
            "tokens": 1000 * fidelity,
            "validation_value": loss,
            "validation_token_accuracy": 0.5,
            "validation_exact_match": 0.25,
            "test_value": loss + 0.1,
            "test_token_accuracy": 0.5,
            "test_exact_match": 0.25,
            "train_seconds": 2.0,
            "evaluation_seconds": 0.5,
        }
        for fidelity, loss in enumerate(losses, start=1)
    ]


@pytest.fixture
def rows():
    """Rows of all three tables, to be changed by the test."""
    tasks = [task_row("a"), task_row("b"), task_row("c", "math")]
    runs, curves = [], []
    for task in ("a", "b", "c"):
        for number, losses in enumerate([(3.0, 2.0, 2.5), (3.5, 3.0, 2.8), (3.6, 3.4, 3.3)]):
            name = f"{task}-{number}"
            runs.append(run_row(name, task, rate=0.01 * (number + 1)))
            curves += curve_rows(name, losses)
    runs.append(run_row("a-diverged", "a", rate=0.5, status="diverged", message="the loss is not finite"))
    curves += curve_rows("a-diverged", [9.0])
    return {"tasks": tasks, "runs": runs, "curves": curves}


@pytest.fixture
def build():
    """Rows to a meta-dataset."""

    def make(rows, **provenance):
        return MetaDataset(*(rows_to_frame(name, rows[name]) for name in ("tasks", "runs", "curves")), provenance)

    return make
