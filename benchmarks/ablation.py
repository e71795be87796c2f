"""What each source of knowledge is worth to the default search: regret without it, on tasks of families it never saw.

Run: python benchmarks/ablation.py META --out FOLDER [--leave-out family] [--budget 1runs,2runs,3runs,5runs]
     [--variants NAME ...]

Every variant is `transfer-in-context` without one thing; each is replayed on the same tasks as `foretune replay` does
it, thinking for free. A negative difference from the whole means that the search is better without the thing. Searches
that are done are lines of FOLDER/replays.jsonl; delete it after changing a variant.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of
from foretune.benchmark.methods import Chosen, Method
from foretune.benchmark.setting import Setting
from foretune.metadata import read_meta_dataset
from foretune.metadata.noise import seed_noise
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.protocol import Optimizer
from foretune.report.replay import markdown, sheets
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.kinds import IN_CONTEXT
from foretune.surrogate.protocol import Observed, Outcomes, PredictsOutcomes
from foretune.types import Configuration, Prediction, Task

WHOLE = "transfer-in-context"
BASELINES = ("random", "portfolio", "nearest-task", "oracle")


def without_features(surrogate: InContextSurrogate) -> InContextSurrogate:
    unknown = np.full_like(surrogate.similarity.features, np.nan)
    return replace(surrogate, similarity=replace(surrogate.similarity, features=unknown))


def without_landmarks(surrogate: InContextSurrogate) -> InContextSurrogate:
    unknown = np.full_like(surrogate.similarity.landmarks, np.nan)
    return replace(surrogate, similarity=replace(surrogate.similarity, landmarks=unknown))


def without_labels(surrogate: InContextSurrogate) -> InContextSurrogate:
    return replace(surrogate, labels=tuple(("", "") for _ in surrogate.labels))


def all_tasks_alike(surrogate: InContextSurrogate) -> InContextSurrogate:
    return without_features(without_landmarks(without_labels(surrogate)))


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

    def outcomes(self, observed: Observed) -> Outcomes:
        return self.whole.outcomes(self._kept(observed))

    def _kept(self, observed: Observed) -> Observed:
        return {key: curve for key, curve in observed.items() if key in self.shown}


def searching(performance: Callable[[InContextSurrogate], InContextSurrogate | Blinkered]) -> Method:
    """The search with a changed surrogate."""

    def make(setting: Setting, _: int) -> Optimizer:
        whole = setting.surrogates(IN_CONTEXT)
        if not isinstance(whole.performance, InContextSurrogate):
            raise TypeError("only the in-context surrogate can be taken apart")
        pool = [setting.first, *setting.candidates] if setting.first else setting.candidates
        changed = replace(whole, performance=performance(whole.performance))
        return TransferInContext(setting.task, pool, surrogates=changed)

    return Method(make, stochastic=False, default_first=False, times_steps=True)


VARIANTS: Mapping[str, Method] = {
    "meta-features unknown": searching(without_features),
    "landmarks of the default unknown": searching(without_landmarks),
    "dataset and base model unknown": searching(without_labels),
    "all earlier tasks alike": searching(all_tasks_alike),
    "observing the default only": searching(
        lambda whole: Blinkered(whole, lambda surrogate, task, one: surrogate.is_reference(task, one))
    ),
    "observing nothing": searching(lambda whole: Blinkered(whole, lambda *_: False)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--budget", default="1runs,2runs,3runs,5runs")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=5, help="of random search")
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, parse_amounts(arguments.budget), seeds=arguments.seeds, charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out / "surrogates", [*BASELINES, WHOLE])
    variants = (Chosen(name, VARIANTS[name], {}) for name in arguments.variants)
    contest = replace(contest, methods=(*contest.methods, *variants))
    searches = replay_all(contest, arguments.out, lambda done, of: print(f"{done}/{of}", end="\r", file=sys.stderr))
    frame = results_frame(searches, contest, scales_of(contest, seed_noise(meta)), meta)
    names = [method.name for method in contest.methods if method.name != "oracle"]
    text = "\n".join(markdown(sheet) for sheet in sheets(frame, names, WHOLE) if sheet.printed)
    (arguments.out / "ablation.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
