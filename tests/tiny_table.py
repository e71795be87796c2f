"""Tables whose every figure can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.replay import RecordedTask, recorded_task
from foretune.benchmark.replay_task import ReplayTask
from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame
from foretune.space import load_space


def tiny_table(losses, *, seconds=1.0, features=None, zero_shot=9.0, default=None, repeats=(), families=None):
    """A table of task -> {rank: validation losses of its slices}; the test loss is the validation loss plus 0.5.

    Every slice takes `seconds`; `features` is task -> meta-feature "size"; `default` a rank; `repeats` further runs as
    (task, rank, losses); families are those of the tasks, or one for each.
    """
    slices = max(len(curve) for curves in losses.values() for curve in curves.values())
    rows = {"tasks": [], "runs": [], "curves": []}
    for task, curves in losses.items():
        family = (families or {}).get(task, f"family {task}")
        rows["tasks"].append(_task_row(task, family, slices, zero_shot, (features or {}).get(task, 0.0)))
        for rank, curve in curves.items():
            _add_run(rows, task, rank, curve, slices, seconds, seed=0)
    for number, (task, rank, curve) in enumerate(repeats, start=1):
        _add_run(rows, task, rank, curve, slices, seconds, seed=number)
    provenance = {"defaults": {"m": {"rank": default}}} if default is not None else {}
    return MetaDataset(*(rows_to_frame(name, table) for name, table in rows.items()), provenance)


def _task_row(task, family, slices, zero_shot, size):
    sizes = {"n_train": 50, "n_validation": 20, "n_test": 20, "max_fidelity": slices}
    names = {"task": task, "dataset": task, "model": "m", "family": family, "source": "made up", "license": "CC0"}
    scores = {f"zero_shot_{split}_value": zero_shot for split in ("validation", "test")}
    metric = {"metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds"}
    return {**names, **metric, **sizes, **scores, "feature.size": size}


def _add_run(rows, task, rank, curve, slices, seconds, *, seed):
    run = f"{task}-{rank}-{seed}"
    status = {"status": "ok", "message": ""} if len(curve) == slices else {"status": "diverged", "message": "made up"}
    rows["runs"].append(
        {"run": run, "task": task, "seed": seed, "config.rank": rank, "hardware": "x", "versions": "{}", "started": ""}
        | status
    )
    rows["curves"] += [
        {
            "run": run,
            "fidelity": fidelity,
            "validation_value": loss,
            "test_value": loss + 0.5,
            "train_seconds": seconds,
            "evaluation_seconds": 0.0,
        }
        for fidelity, loss in enumerate(curve, start=1)
    ]


def setting_of(table: MetaDataset, task: str, folder: Path, **changes) -> tuple[RecordedTask, ReplayTask]:
    """A task and what methods may know of it, all other tasks being the knowledge."""
    recorded = recorded_task(table, task)
    others = table.select([name for name in table.task_ids if name != task])
    knowledge = Knowledge(task, others, load_space("peft"), folder / "surrogates")
    given = {"default": table.default(task), **changes}
    return recorded, ReplayTask(knowledge, recorded.task, tuple(recorded.candidates), **given)


def four_tasks() -> MetaDataset:
    """Four tasks of two slices; rank 2 is best on average, 4 covers the task "d", which is unlike the others."""
    curves = {1: [5.0, 4.0], 2: [3.0, 2.0], 3: [3.5, 3.0], 4: [6.0, 5.0]}
    odd = {1: [5.0, 4.0], 2: [5.0, 4.5], 3: [6.0, 5.0], 4: [3.0, 2.0]}
    sizes = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 9.0}
    return tiny_table({"a": curves, "b": curves, "c": curves, "d": odd}, features=sizes, default=1)
