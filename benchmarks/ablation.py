"""What each source of knowledge and each constant is worth to the default search, and what choosing them is worth.

Run: python benchmarks/ablation.py META [--target TABLE] --out FOLDER [--leave-out family]
     [--budget 1runs,2runs,3runs,5runs]

Replayed as `foretune replay` does it, thinking for free, are the default search as it is, the same without each source
of its knowledge, and with each of its named constants changed. Printed are

- the regret of each variant, and its difference from the search as it is with its 95 % interval over tasks: a negative
  one means that the search is better without the thing;
- the difference of the search from each baseline;
- where META holds the tasks that are replayed, the error of the choice itself: families are divided in halves at
  random, the variant with the least regret on one half is scored on the other, and so many divisions are averaged. The
  same for the search as it is and for the baselines, on the same halves.

With --target, the tasks of another table are replayed. For one of tasks that nothing may be chosen by, each run is a
look that belongs into the log of docs/protocol.md. Searches that are done are lines of FOLDER/replays.jsonl; delete it
after changing the search.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Contest, Replayed, Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of, task_means
from foretune.benchmark.methods import METHODS, Chosen, Method
from foretune.benchmark.regret import interval
from foretune.benchmark.replay_task import ReplayTask
from foretune.metadata import read_meta_dataset
from foretune.metadata.noise import seed_noise
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.likeness import most_like
from foretune.optimizer.protocol import Optimizer
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.kinds import IN_CONTEXT
from foretune.surrogate.protocol import Observed, Outcomes, PredictsOutcomes
from foretune.types import Configuration, Prediction, Report, Task, Trial

WHOLE = "transfer-in-context"
BASELINES = ("portfolio", "portfolio:same_size=1", "nearest-task")
CONSTANTS: Mapping[str, Sequence[float]] = {
    "foretune.surrogate.similarity._WIDTH": (0.35, 0.7, 1.0),
    "foretune.surrogate.in_context._OWN": (0.1, 0.4),
    "foretune.optimizer.in_context._ROOM": (0.0, 1.0),
    "foretune.optimizer.in_context._LEAST_SLICES": (1, 8),
}
DIVISIONS = 2_000
CHOSEN_BY = ("2 runs", "3 runs")


def without_features(surrogate: InContextSurrogate) -> InContextSurrogate:
    unknown = np.full_like(surrogate.similarity.features, np.nan)
    return replace(surrogate, similarity=replace(surrogate.similarity, features=unknown))


@dataclass(frozen=True)
class Blinkered:
    """A performance surrogate that is shown the runs of some configurations alone.

    Attributes:
        whole: the surrogate.
        keep: (surrogate, task, configuration) -> whether it is shown.
    """

    whole: InContextSurrogate
    keep: Callable[[InContextSurrogate, Task, Configuration], bool]

    @property
    def typical_features(self) -> Mapping[str, float]:
        return self.whole.typical_features

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        return self.whole.recorded

    def on(self, task: Task, candidates: Sequence[Configuration]) -> PredictsOutcomes:
        shown = frozenset(one.key for one in candidates if self.keep(self.whole, task, one))
        return BlinkeredPredictor(self.whole.on(task, candidates), shown)


@dataclass(frozen=True)
class BlinkeredPredictor:
    whole: PredictsOutcomes
    shown: frozenset[str]

    def __call__(self, observed: Observed) -> Prediction:
        return self.whole(self._kept(observed))

    @property
    def is_familiar(self) -> bool:
        return self.whole.is_familiar

    def outcomes(self, observed: Observed) -> Outcomes:
        return self.whole.outcomes(self._kept(observed))

    def _kept(self, observed: Observed) -> Observed:
        return {key: curve for key, curve in observed.items() if key in self.shown}


def searching(performance: Callable[[InContextSurrogate], InContextSurrogate | Blinkered]) -> Method:
    """The search with a changed surrogate."""

    def make(setting: ReplayTask, _: int) -> Optimizer:
        whole = setting.surrogates(IN_CONTEXT)
        if not isinstance(whole.performance, InContextSurrogate):
            raise TypeError("only the in-context surrogate can be taken apart")
        pool = [setting.first, *setting.candidates] if setting.first else setting.candidates
        changed = replace(whole, performance=performance(whole.performance))
        return TransferInContext(setting.task, pool, surrogates=changed)

    return Method(make, stochastic=False, default_first=False, times_steps=True)


class Probing:
    """A search before which the first slice is trained of runs that are most like the default at other learning rates.

    The slices are told to the search like any others, so they count for what it believes of the task.
    """

    def __init__(self, search: TransferInContext, probes: Sequence[Configuration]) -> None:
        self._search, self._probes = search, probes
        self._told = 0

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        if self._told < len(self._probes) and seconds_left > 0:
            return Trial(self._told, self._probes[self._told], fidelity=1)
        return self._search.ask(seconds_left, pending)

    def tell(self, report: Report) -> None:
        self._told += 1
        self._search.tell(report)


def probing(*decades: float) -> Method:
    """The search after probes at these decades from the default's learning rate."""

    def make(setting: ReplayTask, _: int) -> Optimizer:
        default = setting.first or setting.candidates[0]
        pool, rate = list(dict.fromkeys([default, *setting.candidates])), float(default.values["learning_rate"])
        wanted = [Configuration({**default.values, "learning_rate": rate * 10**each}) for each in decades]
        probes = list(dict.fromkeys(most_like(one, pool, "learning_rate") for one in wanted))
        return Probing(TransferInContext(setting.task, pool, surrogates=setting.surrogates(IN_CONTEXT)), probes)

    return Method(make, stochastic=False, default_first=False, times_steps=True)


VARIANTS: Mapping[str, Method] = {
    "two learning rates probed first": probing(-0.3, 0.3),
    "three learning rates probed first": probing(-0.3, 0.0, 0.3),
    "meta-features unknown": searching(without_features),
    "observing the default only": searching(
        lambda whole: Blinkered(whole, lambda surrogate, task, one: surrogate.is_reference(task, one))
    ),
    "observing nothing": searching(lambda whole: Blinkered(whole, lambda *_: False)),
}


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
            with patch(path, value):
                searches += replay_all(replace(contest, methods=(method,)), folder, told)
    return searches


def table(frame: pd.DataFrame, budgets: Sequence[str]) -> None:
    """Regret of each variant, and the difference from the search as it is with its interval."""
    found = task_means(frame, "regret_median")
    print(f"{frame['task'].nunique()} tasks of {frame['family'].nunique()} families")
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
    parser.add_argument("--target", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--budget", default="1runs,2runs,3runs,5runs")
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    target = read_meta_dataset(arguments.target) if arguments.target else meta
    terms = Terms(arguments.leave_out, parse_amounts(arguments.budget), charge_overhead=False)
    contest = prepare(meta, target, terms, None, arguments.out / "surrogates", [*BASELINES, WHOLE])
    searches = replayed(contest, arguments.out)
    frame = results_frame(searches, contest, scales_of(contest, seed_noise(target)), target)
    budgets = [str(one) for one in terms.budgets]
    table(frame, budgets)
    if target is meta:
        nested(frame, budgets, [name for name in dict.fromkeys(frame["method"]) if name not in BASELINES])


if __name__ == "__main__":
    main()
