"""Transfer against the default and random search on families left out of the fit, replayed from a meta-dataset.

Run: python benchmarks/held_out_families.py META [--families F ...] [--never F ...] [--runs 6] [--seeds 5]
         [--horizons best final next] [--portfolios 6 12] [--cost-powers 0.3 1.0]

For each family the surrogates are fitted on all others, except those that are kept for a later test (`--never`); then
every optimizer searches each of the family's tasks, with the recorded runs as its pool and a budget of so many mean
full runs of the task. Every search starts with the default. Shown are test losses (of the checkpoint that validation
chose) and the regret of the validation score: 0 is the best of the pool, 1 the median run's peak. The time that
optimizers take to think is not charged here; see ask_overhead.py.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np

from foretune.acquisition import Horizon
from foretune.benchmark.replay import RecordedTask, point_at, recorded_task, simulate
from foretune.metadata import MetaDataset, read_meta_dataset
from foretune.optimizer import Optimizer, make_optimizer
from foretune.optimizer.transfer import Transfer
from foretune.surrogate import Surrogates
from foretune.surrogate.fit import fit
from foretune.types import Configuration

AT = (1, 2, 3, 6)
Searches = Mapping[str, Sequence[Optimizer]]


@dataclass(frozen=True)
class Variants:
    """Which settings of the transfer search are compared: every combination."""

    horizons: Sequence[Horizon]
    portfolios: Sequence[int]
    cost_powers: Sequence[float]

    def make(self, recorded: RecordedTask, surrogates: Surrogates, pool: Sequence[Configuration]) -> Searches:
        return {
            f"transfer, {horizon}, {portfolio}, {power:g}": [
                Transfer(
                    recorded.task,
                    pool,
                    surrogates=surrogates,
                    horizon=horizon,
                    portfolio=portfolio,
                    cost_power=power,
                )
            ]
            for horizon, portfolio, power in product(self.horizons, self.portfolios, self.cost_powers)
        }


def optimizers(recorded: RecordedTask, surrogates: Surrogates, default: Configuration, seeds: int) -> Searches:
    """What transfer is compared with, one fresh optimizer a seed."""
    return {
        name: [
            make_optimizer(name, recorded.task, recorded.candidates, default, surrogates, seed=seed)
            for seed in range(seeds if name == "random" else 1)
        ]
        for name in ("random", "default")
    }


def regret(score: float, recorded: RecordedTask) -> float:
    peaks = [max(recorded.zero_shot, *one.curve.scores) for one in recorded.recordings.values() if len(one.curve)]
    return (max(peaks) - score) / max(max(peaks) - float(np.median(peaks)), 1e-9)


def compare(
    table: MetaDataset, families: Sequence[str], never: Sequence[str], variants: Variants, runs: int, seeds: int
) -> dict[tuple[str, str], list[float]]:
    """(optimizer, column) -> one value a task, averaged over seeds where there are any."""
    results: dict[tuple[str, str], list[float]] = defaultdict(list)
    for family in families:
        surrogates = fit([table], seed=0, exclude_families=[family, *never])
        for name in (task for task in table.task_ids if table.families[task] == family):
            recorded = recorded_task(table, name)
            unit, default = recorded.mean_run_seconds, table.default(name) or recorded.candidates[0]
            results["zero-shot", "test loss"].append(-recorded.zero_shot_test)
            pool = list(dict.fromkeys([default, *recorded.candidates]))
            everything = {
                **optimizers(recorded, surrogates, default, seeds),
                **variants.make(recorded, surrogates, pool),
            }
            for optimizer, fresh in everything.items():
                searches = [simulate(one, recorded, runs * unit) for one in fresh]
                ends = [-point_at(points, runs * unit).test for points in searches]
                results[optimizer, "test loss"].append(fmean(ends))
                for count in AT:
                    scores = [point_at(points, count * unit).score for points in searches]
                    results[optimizer, f"regret@{count}"].append(fmean(regret(score, recorded) for score in scores))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--families", nargs="*")
    parser.add_argument("--never", nargs="*", default=[])
    parser.add_argument("--horizons", nargs="*", default=["final"], choices=["best", "final", "next"])
    parser.add_argument("--portfolios", nargs="*", type=int, default=[12])
    parser.add_argument("--cost-powers", nargs="*", type=float, default=[0.3])
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    table = read_meta_dataset(arguments.meta)
    families = arguments.families or sorted(set(table.families.values()) - set(arguments.never))
    variants = Variants(arguments.horizons, arguments.portfolios, arguments.cost_powers)
    results = compare(table, families, arguments.never, variants, arguments.runs, arguments.seeds)
    columns = ["test loss", *(f"regret@{count}" for count in AT)]
    tasks = len(results["zero-shot", "test loss"])
    print(f"Means over {tasks} tasks of {len(families)} held-out families; budget {arguments.runs} mean full runs.\n")
    print("| optimizer | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for optimizer in dict.fromkeys(name for name, _ in results):
        values = [results.get((optimizer, column)) for column in columns]
        print(f"| {optimizer} | " + " | ".join(f"{fmean(value):.4f}" if value else "" for value in values) + " |")


if __name__ == "__main__":
    main()
