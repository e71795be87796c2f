"""How well a search foretells the seconds of runs to come, after some runs on hardware or a base model new to it.

Run: python benchmarks/machine_correction.py META

Each base model of META in turn is left out of the cost surrogate and met as a new one. Base models whose runs are on
other hardware than most of META's are shown apart: there a search times a few steps first. Runs come in random order.
Printed is the median |log(measured / predicted)| of the rest, with one factor for the machine, with one that changes
with the batch size, as searches have it (`foretune.optimizer.machine_correction`), and with the latter on top of timed
steps (`foretune.surrogate.pace`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from foretune.benchmark.replay import recorded_task
from foretune.benchmark.timing import hardware_by_task, timing_of
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.optimizer.machine_correction import MachineCorrection
from foretune.surrogate.cost import LinearCost, fit_cost
from foretune.surrogate.encoders import encoder_for
from foretune.surrogate.examples import read_runs
from foretune.surrogate.hardware import of_one_kind
from foretune.surrogate.pace import Pace, PacedCost, paced_cost
from foretune.types import Configuration, LearningCurve, Report, Status, Task, Trial

SLICES = 8
AFTER = (0, 1, 2, 3, 5, 8)
ORDERS = 6
LEAST_RUNS = 12
Seconds = Mapping[Configuration, float]


def complete_runs(meta: MetaDataset) -> dict[str, tuple[Task, Seconds, Pace]]:
    """Task -> the seconds of its complete runs (of repeated ones, the first), and what timed steps would tell."""
    hardware, found = hardware_by_task(meta), dict[str, tuple[Task, Seconds, Pace]]()
    for name in meta.task_ids:
        recorded, default = recorded_task(meta, name), meta.default(name)
        known = default if default and default.key in recorded.recordings else None
        runs = recorded.recordings.values()
        seconds = {one.configuration: float(one.curve.seconds.sum()) for one in runs if len(one.curve) == SLICES}
        if len(seconds) >= LEAST_RUNS:
            found[name] = recorded.task, seconds, timing_of(recorded, known, hardware[name]).pace
    return found


def told(task: Task, cost: LinearCost | PacedCost, known: Seconds, pool: list[Configuration]) -> np.ndarray:
    """(N,) log of the factor by which the pool's predictions are off, as a search has it after these runs."""
    learned = MachineCorrection(task, pool, cost)
    for one, seconds in known.items():
        curve = LearningCurve(np.zeros(SLICES), np.ones(SLICES))
        learned.tell(Report(Trial(0, one, SLICES), Status.OK, curve, seconds=seconds))
    return np.log(learned.factors)


def errors(
    tasks: Mapping[str, tuple[Task, Seconds, Pace]], cost_of: Callable[[str], LinearCost], count: int
) -> list[float]:
    """With one factor, with the search's own, and with that after timed steps."""
    rng, missed = np.random.default_rng(0), ([], [], [])
    for name, (task, seconds, pace) in tasks.items():
        pool, cost = list(seconds), cost_of(name)
        timed = paced_cost(cost, task, pace)
        measured = np.log([seconds[one] for one in pool])
        plain, known_pace = (
            measured - np.log(SLICES * one.predict(task, pool, np.ones(len(pool)))) for one in (cost, timed)
        )
        for _ in range(ORDERS):
            order = rng.permutation(len(pool))
            first, rest = order[:count], order[count:]
            known = {pool[place]: seconds[pool[place]] for place in first}
            missed[0].extend(np.abs(plain[rest] - (np.median(plain[first]) if count else 0.0)))
            missed[1].extend(np.abs(plain - told(task, cost, known, pool))[rest])
            missed[2].extend(np.abs(known_pace - told(task, timed, known, pool))[rest])
    return [float(np.median(one)) for one in missed]


def show(title: str, tasks: Mapping[str, tuple[Task, Seconds, Pace]], cost_of: Callable[[str], LinearCost]) -> None:
    figures = [errors(tasks, cost_of, count) for count in AFTER]
    print(f"\n{title}: {len(tasks)} tasks\n\n| runs seen | {' | '.join(map(str, AFTER))} |\n|---|{'---|' * len(AFTER)}")
    for row, label in enumerate(("one factor", "by batch size", "and timed steps")):
        print(f"| {label} | {' | '.join(f'{column[row]:.3f}' for column in figures)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    meta = read_meta_dataset(parser.parse_args().meta)
    runs, encoder = of_one_kind(read_runs([meta])), encoder_for([meta], None)
    here = {run.task.id for run in runs}
    models = sorted(set(meta.models.values()))
    without = {model: fit_cost([run for run in runs if run.model != model], encoder) for model in models}
    tasks = complete_runs(meta)
    same = {name: one for name, one in tasks.items() if name in here}
    other = {name: one for name, one in tasks.items() if name not in here}
    for title, shown in (("each base model left out, same hardware", same), ("on other hardware", other)):
        if shown:
            show(title, shown, lambda name: without[meta.models[name]])


if __name__ == "__main__":
    main()
