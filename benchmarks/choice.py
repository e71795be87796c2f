"""What choosing is worth: constants of the default search chosen on some families, and scored on the others.

Run: python benchmarks/choice.py META --out FOLDER [--leave-out family] [--budget 1runs,2runs,3runs,5runs]

META holds tasks for choosing. Replayed are the default search as it is, with each of its named constants changed, and
without each source of its knowledge (see ablation.py). Printed are

- the regret of each variant, and its difference from the search as it is;
- the error of the choice itself: families are divided in halves at random, the variant with the least regret on one
  half is scored on the other, and so many divisions are averaged. The same for the search as it is and for the
  baselines, on the same halves. The difference of the first two is what the choice gains or loses; the regret of the
  variant that wins on all tasks is optimistic by the difference from the first.

Searches that are done are lines of FOLDER/replays.jsonl; delete it after changing the search.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from ablation import VARIANTS, WHOLE

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Contest, Replayed, Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of, task_means
from foretune.benchmark.methods import METHODS, Chosen
from foretune.benchmark.regret import interval
from foretune.metadata import read_meta_dataset
from foretune.metadata.noise import seed_noise

BASELINES = ("portfolio", "portfolio:same_size=1", "nearest-task")
CONSTANTS: Mapping[str, Sequence[float]] = {
    "foretune.surrogate.similarity._WIDTH": (0.35, 0.7, 1.0),
    "foretune.surrogate.similarity._FLOOR": (0.0, 0.1),
    "foretune.surrogate.in_context._EVIDENCE": (0.1, 0.4),
    "foretune.surrogate.in_context._OWN": (0.05, 0.3),
    "foretune.optimizer.in_context._ROOM": (0.0, 1.0),
    "foretune.optimizer.in_context._LEAST_SLICES": (1, 8),
}
DIVISIONS = 2_000
CHOSEN_BY = ("2runs", "3runs")


@contextmanager
def changed(path: str, value: float) -> Iterator[None]:
    """A constant with another value, for this long."""
    with patch(path, value):
        yield


def replayed(contest: Contest, folder: Path) -> list[Replayed]:
    """All searches of all variants."""

    def told(done: int, of: int) -> None:
        print(f"{done}/{of}", end="\r", file=sys.stderr)

    variants = tuple(Chosen(name, method, {}) for name, method in VARIANTS.items())
    searches = replay_all(replace(contest, methods=(*contest.methods, *variants)), folder, told)
    for path, values in CONSTANTS.items():
        for value in values:
            method = Chosen(f"{path.rpartition('.')[2]} = {value:g}", METHODS[WHOLE], {})
            print(f"\n{method.name}", file=sys.stderr)
            with changed(path, value):
                searches += replay_all(replace(contest, methods=(method,)), folder, told)
    return searches


def table(frame: pd.DataFrame, budgets: Sequence[str]) -> None:
    """Regret of each variant, and the difference from the search as it is with its interval."""
    found = task_means(frame, "regret_median")
    print(f"{'':<34}" + "".join(f"{budget:>9}" for budget in budgets) + "   difference from the search as it is")
    for method in dict.fromkeys(frame["method"]):
        own = {budget: np.array(list(found[method, budget].values())) for budget in budgets}
        apart = {budget: interval(own[budget] - np.array(list(found[WHOLE, budget].values()))) for budget in budgets}
        cells = "".join(f"{own[budget].mean():>9.3f}" for budget in budgets)
        differences = "  ".join(f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" for one in apart.values())
        print(f"{method:<34}{cells}   {differences if method != WHOLE else ''}")


def nested(frame: pd.DataFrame, budgets: Sequence[str], names: Sequence[str]) -> None:
    """Regret of the variant chosen on half of the families, on the other half."""
    found = task_means(frame, "regret_median")
    tasks = list(found[WHOLE, budgets[0]])
    families = dict(zip(frame["task"], frame["family"], strict=True))
    kinds = np.array(sorted(set(families.values())))
    place = np.array([int(np.flatnonzero(kinds == families[task])[0]) for task in tasks])
    regrets = {name: np.array([list(found[name, budget].values()) for budget in budgets]) for name in names}
    regrets |= {name: np.array([list(found[name, one].values()) for one in budgets]) for name in BASELINES}
    by = [budgets.index(budget) for budget in CHOSEN_BY if budget in budgets] or [len(budgets) - 1]
    rng, chosen, wins = np.random.default_rng(0), list[np.ndarray](), dict.fromkeys(names, 0)
    fixed: dict[str, list[np.ndarray]] = {name: [] for name in (WHOLE, *BASELINES)}
    for _ in range(DIVISIONS):
        half = np.isin(place, rng.permutation(len(kinds))[: len(kinds) // 2])
        best = min(names, key=lambda name: float(regrets[name][by][:, half].mean()))
        wins[best] += 1
        chosen.append(regrets[best][:, ~half].mean(axis=1))
        for name, values in fixed.items():
            values.append(regrets[name][:, ~half].mean(axis=1))
    print(f"\nOn the other half of the families, mean over {DIVISIONS:,} divisions:")
    for name, values in {"chosen on the first half": chosen, **fixed}.items():
        print(f"{name:<34}" + "".join(f"{value:>9.3f}" for value in np.mean(values, axis=0)))
    often = sorted(wins.items(), key=lambda one: -one[1])[:5]
    print("Chosen most often: " + ", ".join(f"{name} {count / DIVISIONS:.0%}" for name, count in often))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--budget", default="1runs,2runs,3runs,5runs")
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, parse_amounts(arguments.budget), charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out / "surrogates", [*BASELINES, WHOLE])
    searches = replayed(contest, arguments.out)
    frame = results_frame(searches, contest, scales_of(contest, seed_noise(meta)), meta)
    budgets = [str(one) for one in terms.budgets]
    table(frame, budgets)
    nested(frame, budgets, [name for name in dict.fromkeys(frame["method"]) if name not in BASELINES])


if __name__ == "__main__":
    main()
