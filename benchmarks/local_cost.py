"""How well a search foretells the seconds of runs to come, after some runs on hardware or a base model new to it.

Run: python benchmarks/local_cost.py META [--seconds benchmarks/h100_seconds.json]

Each base model of META in turn is left out of the cost surrogate and met as a new one; the runs in the JSON file, on
a GPU, are met by a cost surrogate that knows all of META, whose runs are on CPUs. Runs come in random order. Printed is
the median |log(measured / predicted)| of the rest, with one factor for the machine, and with one that changes with the
batch size, as searches have it (`foretune.optimizer.local_cost`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from foretune.metadata import read_meta_dataset
from foretune.metadata.source import labels_of
from foretune.optimizer.local_cost import LocalCost
from foretune.surrogate.cost import LinearCost, fit_cost
from foretune.surrogate.encoders import encoder_for
from foretune.surrogate.examples import Run, read_runs
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Report, Status, Task, Trial

SLICES = 8
AFTER = (1, 2, 3, 5, 8)
ORDERS = 6
LEAST_RUNS = 12
Tasks = Mapping[str, tuple[Task, Mapping[Configuration, float]]]


def of_runs(runs: Sequence[Run]) -> Tasks:
    """Seconds of complete runs, by task; of repeated ones, the first."""
    found: dict[str, tuple[Task, dict[Configuration, float]]] = {}
    for run in runs:
        if len(run.train_seconds) == SLICES:
            _, seconds = found.setdefault(run.task.id, (run.task, {}))
            seconds.setdefault(run.configuration, float(run.train_seconds.sum() + run.evaluation_seconds.sum()))
    return found


def of_file(path: Path) -> Tasks:
    found: dict[str, tuple[Task, dict[Configuration, float]]] = {}
    for entry in json.loads(path.read_text(encoding="utf-8"))["tasks"]:
        task = Task(entry["task"], VALIDATION_NLL, entry["meta_features"], max_fidelity=SLICES)
        found[task.id] = (task, {Configuration(run["configuration"]): run["seconds"] for run in entry["runs"]})
    return found


def errors(tasks: Tasks, cost_of: Callable[[str], LinearCost], count: int) -> tuple[float, float]:
    """With one factor, and with the search's own."""
    rng, plain, local = np.random.default_rng(0), [], []
    for name, (task, seconds) in tasks.items():
        if len(seconds) < LEAST_RUNS:
            continue
        pool, cost = list(seconds), cost_of(name)
        measured = np.log([seconds[one] for one in pool])
        predicted = np.log(SLICES * cost.predict(task, pool, np.ones(len(pool))))
        for _ in range(ORDERS):
            order = rng.permutation(len(pool))
            known, rest = order[:count], order[count:]
            learned = LocalCost(task, pool, cost)
            for place in known:
                curve = LearningCurve(np.zeros(SLICES), np.ones(SLICES))
                learned.tell(Report(Trial(0, pool[place], SLICES), Status.OK, curve, seconds=seconds[pool[place]]))
            missed = measured - predicted
            plain += np.abs(missed[rest] - np.median(missed[known])).tolist()
            local += np.abs(missed[rest] - np.log(learned.factors[rest])).tolist()
    return float(np.median(plain)), float(np.median(local))


def show(title: str, tasks: Tasks, cost_of: Callable[[str], LinearCost]) -> None:
    figures = [errors(tasks, cost_of, count) for count in AFTER]
    print(f"\n{title}\n\n| runs seen | {' | '.join(map(str, AFTER))} |\n|---|{'---|' * len(AFTER)}")
    for row, label in enumerate(("one factor", "by batch size")):
        print(f"| {label} | {' | '.join(f'{pair[row]:.3f}' for pair in figures)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--seconds", type=Path, default=Path(__file__).with_name("h100_seconds.json"))
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    runs, encoder = read_runs([meta]), encoder_for([meta], None)
    models = sorted({labels_of(name)[1] for name in meta.task_ids})
    without = {
        model: fit_cost([run for run in runs if labels_of(run.task.id)[1] != model], encoder) for model in models
    }
    show("each base model left out", of_runs(runs), lambda name: without[labels_of(name)[1]])
    everything = fit_cost(runs, encoder)
    show("on a GPU", of_file(arguments.seconds), lambda _: everything)


if __name__ == "__main__":
    main()
