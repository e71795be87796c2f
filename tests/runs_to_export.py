"""Runs of three methods on tasks of one shape, for the tests of exports."""

from foretune.metadata import MetaDataset
from foretune.metadata.frames import rows_to_frame

LOSSES = {"lora": (3.0, 2.0), "ia3": (3.5, 3.25), "dora": (9.0,)}


def task_row(task, **changes):
    row = {"task": task, "dataset": task, "model": "tiny", "family": "qa", "source": "made up", "license": "CC0"}
    row |= {"metric": "validation_nll", "direction": "minimize", "cost_unit": "seconds", "max_fidelity": 2}
    return {**row, "feature.log_train_rows": 2.0, "feature.model_log_width": 2.0, **changes}


def run_rows(task, *, factor=1.0, seeds=(0,)):
    """Three runs a seed: one without a rank, and one that diverged after its first slice."""
    runs, curves = [], []
    for seed in seeds:
        for number, (method, losses) in enumerate(LOSSES.items()):
            name = f"{task}/{method}/{seed}"
            ok = len(losses) == 2
            run = {"run": name, "task": task, "seed": seed, "status": "ok" if ok else "diverged", "started": ""}
            run |= {"message": "" if ok else 'said "no", twice', "hardware": "x", "versions": "{}"}
            rank = None if method == "ia3" else 8 * (number + 1)
            run |= {"config.method": method, "config.learning_rate": 0.01 * factor * (number + 1), "config.rank": rank}
            runs.append({**run, "config.epochs": 2, "config.packed": number == 0})
            for fidelity, loss in enumerate(losses, start=1):
                scores = {"validation_value": loss + seed / 8, "validation_token_accuracy": 1 / 3}
                seconds = {"train_seconds": 2.0, "evaluation_seconds": 0.5}
                curves.append({"run": name, "fidelity": fidelity, "tokens": 10 * fidelity, **scores, **seconds})
    return runs, curves


def build(tasks, parts):
    runs = [run for part, _ in parts for run in part]
    curves = [one for _, part in parts for one in part]
    frames = (rows_to_frame(name, rows) for name, rows in (("tasks", tasks), ("runs", runs), ("curves", curves)))
    return MetaDataset(*frames, {"command": "made up"})
