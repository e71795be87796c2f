"""What a team's table is worth as it grows: regret of searches that know more and more earlier tasks.

Run: python benchmarks/weeks.py META --out FOLDER [--model foretune-tiny] [--known 4 8 16 24] [--divisions 3]
     [--every 2] [--budget 1runs,2runs,3runs]

The families of the tasks on one base model are divided into halves at random. Searches are replayed on one half and
know the first 4, 8, 16, ... tasks of the other half, in random order; then the halves change places. So no search knows
a task of its own family, and each row knows what the row above knows, and more. Printed is the mean regret over tasks
(0 is the best configuration of a task, 1 its median one) with its 95 % interval, and that of random search. Both begin
with the default, unless time is short and the search knows the base model. Searches that are done are kept in FOLDER.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of, task_means
from foretune.benchmark.regret import interval
from foretune.metadata import MetaDataset, read_meta_dataset

SEARCH, RANDOM = "transfer-in-context", "random"
Regrets = dict[str, dict[str, float]]
"""Budget -> task -> regret."""


def halves(meta: MetaDataset, model: str, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """The tasks on a base model in random order, no family in both halves."""
    families = sorted({meta.families[task] for task in meta.task_ids if meta.models[task] == model})
    first = set(rng.permutation(families)[: len(families) // 2].tolist())
    tasks = [task for task in rng.permutation(meta.task_ids).tolist() if meta.models[task] == model]
    return (
        [one for one in tasks if meta.families[one] in first],
        [one for one in tasks if meta.families[one] not in first],
    )


def regrets(known: MetaDataset, exam: MetaDataset, terms: Terms, method: str, folder: Path) -> Regrets:
    contest = prepare(known, exam, terms, None, folder / "surrogates", [method])
    replays = replay_all(contest, folder)
    scales = scales_of(contest, dict.fromkeys(contest.recorded, None))
    means = task_means(results_frame(replays, contest, scales, exam), "regret_median")
    return {str(budget): means[method, str(budget)] for budget in terms.budgets}


def show(name: str, parts: Sequence[Regrets]) -> None:
    """A row: mean over tasks of the mean over divisions."""
    cells = list[str]()
    for budget in parts[0]:
        of_task: dict[str, list[float]] = {}
        for part in parts:
            for task, value in part[budget].items():
                of_task.setdefault(task, []).append(value)
        found = interval(np.array([np.mean(values) for values in of_task.values()]))
        cells.append(f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]")
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="foretune-tiny")
    parser.add_argument("--known", type=int, nargs="+", default=[4, 8, 16, 24])
    parser.add_argument("--divisions", type=int, default=3, help="into halves, each with an order of its own")
    parser.add_argument("--every", type=int, default=2, help="replay only every so-manieth task of a half")
    parser.add_argument("--budget", default="1runs,2runs,3runs")
    asked = parser.parse_args()
    meta = read_meta_dataset(asked.meta)
    terms = Terms("family", parse_amounts(asked.budget), seeds=3, charge_overhead=False)
    print("| earlier tasks | " + " | ".join(map(str, terms.budgets)) + " |", flush=True)
    print("|---|" + "---:|" * len(terms.budgets))
    for method, counts in ((RANDOM, asked.known[:1]), (SEARCH, asked.known)):
        for count in counts:
            parts = list[Regrets]()
            for seed in range(asked.divisions):
                one, other = halves(meta, asked.model, np.random.default_rng(seed))
                for number, (learned, exam) in enumerate(((one, other), (other, one))):
                    folder = asked.out / f"{method}-{count}-{seed}-{number}"
                    known, replayed = meta.select(learned[:count]), meta.select(exam[:: asked.every])
                    parts.append(regrets(known, replayed, terms, method, folder))
            show("none: random search" if method == RANDOM else str(count), parts)


if __name__ == "__main__":
    main()
