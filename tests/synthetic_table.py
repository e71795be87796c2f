"""A synthetic meta-dataset, only for tests: made-up curves with a structure that can be learned, and quickly.

Every task has a hidden best learning rate that depends on a meta-feature, and small tasks overfit in long runs, so that
a surrogate that reads meta-features can rank the configurations of a new task and one that does not cannot. Seconds are
work (steps and tokens) times a constant. Nothing here was measured; no figure made from it says anything about
finetuning.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame
from foretune.metadata.schema import FEATURE_PREFIX
from foretune.paper.deep_kernel import Recipe
from foretune.space import load_space
from foretune.surrogate.fit import fit
from foretune.surrogate.protocol import Surrogates
from foretune.types import Configuration

FAMILIES = ("alpha", "beta", "gamma", "delta")
SLICES = 8
RECIPE = Recipe(hidden=(24, 12), features=4, steps=80, check_every=40, tasks_per_step=6, examples_per_task=12)


@lru_cache(maxsize=4)
def synthetic_table(tasks: int = 8, configurations: int = 16, seed: int = 0) -> MetaDataset:
    """The same runs for the same arguments."""
    rng = np.random.default_rng(seed)
    pool = load_space("peft").sample(configurations, rng)
    rows: dict[str, list[dict[str, Any]]] = {"tasks": [], "runs": [], "curves": []}
    for index in range(tasks):
        task = _task_row(index, rng)
        rows["tasks"].append(task)
        for number, configuration in enumerate(pool):
            run = f"{task['task']}-{number}"
            curve = _curve(run, task, configuration, rng)
            rows["curves"] += curve
            rows["runs"].append(
                _run_row(run, task["task"], configuration, "ok" if len(curve) == SLICES else "diverged")
            )
    return MetaDataset(**{name: rows_to_frame(name, table) for name, table in rows.items()})


@lru_cache(maxsize=3)
def synthetic_surrogates(kind: str = "deep-kernel") -> Surrogates:
    """Fitted on all tasks but those of the family "delta"; a small network and few steps."""
    recipe = RECIPE if kind == "deep-kernel" else None
    return fit([synthetic_table()], seed=0, exclude_families=["delta"], kind=kind, recipe=recipe)


@lru_cache(maxsize=1)
def bare_table() -> MetaDataset:
    """The runs of `synthetic_table`, of whose tasks nothing is known."""
    table = synthetic_table()
    described = [name for name in table.tasks.columns if name.startswith(FEATURE_PREFIX)]
    return MetaDataset(table.tasks.drop(columns=described), table.runs, table.curves)


def _task_row(index: int, rng: np.random.Generator) -> dict[str, Any]:
    rows = int(50 * 2 ** rng.integers(0, 6))
    zero_shot = float(rng.uniform(2.0, 5.0))
    overlap = float(rng.uniform(0, 1))
    scores = {"value": zero_shot, "token_accuracy": 0.1, "exact_match": 0.0}
    features = {
        "zero_shot_nll": zero_shot,
        "log_train_rows": math.log10(rows),
        "log_train_tokens": math.log10(rows * 30),
        "log_validation_tokens": math.log10(150 * 30),
        "completion_overlap": overlap,
        "model_log_width": math.log10(192),
        "model_log_parameters": 6.0,
    }
    return {
        "task": f"task-{index}",
        "dataset": f"task-{index}",
        "model": "synthetic",
        "metric": "validation_nll",
        "direction": "minimize",
        "cost_unit": "seconds",
        "family": FAMILIES[index % len(FAMILIES)],
        "source": "synthetic",
        "license": "none",
        "n_train": rows,
        "n_validation": 150,
        "n_test": 150,
        "max_fidelity": SLICES,
        **{f"zero_shot_{split}_{name}": value for split in ("validation", "test") for name, value in scores.items()},
        **{f"feature.{name}": value for name, value in features.items()},
    }


def _run_row(run: str, task: str, configuration: Configuration, status: str) -> dict[str, Any]:
    return {
        "run": run,
        "task": task,
        "seed": 0,
        "status": status,
        "message": "" if status == "ok" else "the loss is not finite",
        "hardware": "none",
        "versions": "{}",
        "started": "2026-01-01T00:00:00+00:00",
        **{f"config.{name}": value for name, value in configuration.values.items()},
    }


def _curve(
    run: str, task: dict[str, Any], configuration: Configuration, rng: np.random.Generator
) -> list[dict[str, Any]]:
    values = configuration.values
    zero_shot, rows = task["feature.zero_shot_nll"], task["n_train"]
    best_rate = math.log(0.004) + 1.5 * (task["feature.completion_overlap"] - 0.5)
    off = math.log(float(values["learning_rate"])) - best_rate - (2.0 if values["method"] == "ia3" else 0.0)
    if off > 1.5:
        return []
    steps = float(values["epochs"]) * rows / float(values["batch_size"])
    lines: list[dict[str, Any]] = []
    for fidelity in range(1, SLICES + 1):
        done = steps * fidelity / SLICES
        learned = 0.6 * math.exp(-0.25 * off**2) * (1 - math.exp(-done / 60))
        overfitted = 0.05 * max(0.0, float(values["epochs"]) * fidelity / SLICES - 6) * (200 / rows) ** 0.5
        nll = zero_shot * (1 - learned + overfitted + 0.004 * rng.standard_normal())
        tokens = rows * 30 * float(values["epochs"]) / SLICES
        scores = {"value": nll, "token_accuracy": 0.5, "exact_match": 0.0}
        lines.append(
            {
                "run": run,
                "fidelity": fidelity,
                "epochs": float(values["epochs"]) * fidelity / SLICES,
                "steps": math.ceil(done),
                "tokens": int(tokens * fidelity),
                **{f"{split}_{name}": value for split in ("validation", "test") for name, value in scores.items()},
                "train_seconds": (0.012 * steps / SLICES + 6e-5 * tokens) * math.exp(0.05 * rng.standard_normal()),
                "evaluation_seconds": 0.15 * math.exp(0.05 * rng.standard_normal()),
            }
        )
    return lines
