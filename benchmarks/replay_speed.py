"""How many searches a second `foretune replay` makes on one core.

Run: python benchmarks/replay_speed.py META [--runs 15] [--seconds 5]

Each search has a budget of so many mean full runs of its task and goes over the tasks of META in turn. The seconds are
those of this process alone, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from foretune.benchmark.budgets import Amount
from foretune.benchmark.compare import Terms, prepare, replay
from foretune.metadata import read_meta_dataset
from foretune.space import load_space

METHODS = ("random", "portfolio", "portfolio-sha", "one-slice-top-k")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--runs", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure each method for")
    arguments = parser.parse_args()
    table, budget = read_meta_dataset(arguments.meta), Amount(arguments.runs, "runs")
    with TemporaryDirectory() as folder:
        contest = prepare(table, table, Terms("task", (budget,)), load_space("peft"), Path(folder), METHODS)
    tasks = list(contest.recorded)
    for method in contest.methods:
        started, count, slices = time.process_time(), 0, 0
        while (spent := time.process_time() - started) < arguments.seconds:
            one = replay(contest, tasks[count % len(tasks)], method, count, budget)
            count, slices = count + 1, slices + one.slices
        print(f"{method.name:16} {count / spent:6.1f} replays/s of {slices / count:.0f} slices each")


if __name__ == "__main__":
    main()
