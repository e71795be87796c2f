"""How the best learning rate depends on the batch and on the number of steps, by the shipped runs of tiny models.

`python benchmarks/rate_scaling.py` takes the runs of LoRA and DoRA with AdamW. What a run loses is its least validation
loss over that of the task's best run, minus 1, divided by that of the task's median run, at most 2. Within each task

    lost ~ k (x)^2 + effects of ln batch, ln epochs and ln rank,
    x = ln(rate width / 192) - (c + p ln batch + q ln steps + r ln(alpha / rank) + s ln rank)

is fitted by least squares, with a k of its own below and above the best rate. It prints p, q, r and s with standard
errors over datasets drawn again. Seconds.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from foretune.metadata import MetaDataset, read_meta_dataset

NAMES = ("batch", "steps", "alpha over rank", "rank")
START = np.array([np.log(5e-3), 0.5, -0.2, -1.0, -0.3, 0.1, 0.2, 0.0, 0.0, 0.0])
DRAWS = 20
WORST = 2.0


def read_runs(table: MetaDataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithms (n, 6) of rate relative to the width, batch, steps, alpha over rank, rank and epochs; what was lost
    (n,); place of the task (n,)."""
    rows, lost, tasks = list[list[float]](), list[float](), list[int]()
    for place, name in enumerate(table.task_ids):
        width, examples = table.widths[name], table.task(name).rows or 0
        least = {run: -table.curve(run).scores.max() for run in table.runs_of(name) if len(table.curve(run))}
        best, median = min(least.values()), float(np.median(list(least.values())))
        for run, loss in least.items():
            values = table.configurations[run].values
            if values["method"] in {"lora", "dora"} and values["optimizer"] == "adamw" and width:
                steps = np.ceil(examples / values["batch_size"]) * values["epochs"]
                rate = values["learning_rate"] * width / 192
                named = (values["batch_size"], steps, values["alpha_over_rank"], values["rank"], values["epochs"])
                rows.append([np.log(float(value)) for value in (rate, *named)])
                lost.append(min((loss - best) / max(median - best, 1e-9), WORST))
                tasks.append(place)
    return np.array(rows), np.array(lost), np.array(tasks)


def fit(runs: np.ndarray, lost: np.ndarray, tasks: np.ndarray) -> np.ndarray:
    """The exponents, in the order of `NAMES`."""
    _, groups = np.unique(tasks, return_inverse=True)
    rate, batch, _, _, rank, epochs = runs.T

    def error(at: np.ndarray) -> np.ndarray:
        apart = rate - at[0] - runs[:, 1:5] @ at[1:5]
        curve = np.where(apart < 0, at[5], at[6]) * apart**2
        rest = lost - curve - at[7] * batch - at[8] * epochs - at[9] * rank
        return rest - (np.bincount(groups, rest) / np.bincount(groups))[groups]

    return least_squares(error, START, loss="soft_l1").x[1:5]


def main() -> None:
    table = read_meta_dataset("foretune-tiny-v1")
    runs, lost, tasks = read_runs(table)
    found, rng = fit(runs, lost, tasks), np.random.default_rng(0)
    datasets = np.unique([table.task(name).dataset for name in table.task_ids], return_inverse=True)[1][tasks]
    drawn = list[np.ndarray]()
    for _ in range(DRAWS):
        redrawn = rng.choice(np.unique(datasets), len(np.unique(datasets)))
        chosen = np.concatenate([np.flatnonzero(datasets == one) for one in redrawn])
        drawn.append(fit(runs[chosen], lost[chosen], tasks[chosen]))
    print(f"{len(runs)} runs of {len(table.task_ids)} tasks: best rate ~ product of powers of")
    for name, power, error in zip(NAMES, found, np.std(drawn, axis=0), strict=True):
        print(f"{name:16s} {power:6.2f} +- {error:.2f}")


if __name__ == "__main__":
    main()
