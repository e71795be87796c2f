"""How long `ask` takes, by optimizer and pool size: the first with the making of the optimizer, the median of others.

Run: python benchmarks/ask_overhead.py [--surrogates FOLDER] [--pool 1000] [--optimizers NAME ...]

The task is made up (only the number of its meta-features matters here); the surrogates are the shipped ones by default.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.resources import files
from pathlib import Path
from statistics import median

import numpy as np

from foretune.optimizer import OPTIMIZERS, make_optimizer
from foretune.space import load_space
from foretune.surrogate import load_surrogates
from foretune.surrogate.store import DESCRIPTION_FILE
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

ASKS = 30


def made_up_task(names: list[str]) -> Task:
    known = {
        "zero_shot_nll": 3.0,
        "log_train_rows": 2.5,
        "log_train_tokens": 4.3,
        "log_validation_tokens": 4.0,
        "model_log_width": 2.283,
        "model_log_parameters": 6.0,
    }
    return Task("made up", VALIDATION_NLL, {**dict.fromkeys(names, 0.5), **known}, max_fidelity=8)


def answer(trial: Trial, rng: np.random.Generator) -> Report:
    scores = -3.0 + 0.1 * np.arange(1, trial.fidelity + 1) + 0.01 * rng.standard_normal(trial.fidelity)
    return Report(trial, Status.OK, LearningCurve(scores, np.ones(trial.fidelity)), seconds=1.0)


def seconds_of_asks(name: str, task: Task, pool: list[Configuration], folder: Path) -> list[float]:
    """The first of them with the making of the optimizer."""
    rng, surrogates, begun = np.random.default_rng(0), load_surrogates(folder), time.perf_counter()
    optimizer = make_optimizer(name, task, pool, load_space("peft").default(), surrogates)
    taken: list[float] = []
    while len(taken) < ASKS:
        trial = optimizer.ask(seconds_left=1e6)
        taken.append(time.perf_counter() - begun)
        if trial is None:
            break
        optimizer.tell(answer(trial, rng))
        begun = time.perf_counter()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    shipped = Path(str(files("foretune"))) / "data" / "surrogates" / "foretune-tiny-v1"
    parser.add_argument("--surrogates", type=Path, default=shipped)
    parser.add_argument("--pool", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS), default=["transfer-in-context", "random"])
    arguments = parser.parse_args()
    description = json.loads((arguments.surrogates / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    task = made_up_task(description["features"])
    print("| optimizer | pool | first ask, ms | median of later asks, ms |\n|---|---|---|---|")
    for size in arguments.pool:
        pool = load_space("peft").sample(size, np.random.default_rng(0))
        for name in arguments.optimizers:
            first, *later = seconds_of_asks(name, task, pool, arguments.surrogates)
            later_ms = 1e3 * median(later) if later else float("nan")
            print(f"| {name} | {size} | {1e3 * first:.1f} | {later_ms:.2f} |")


if __name__ == "__main__":
    main()
