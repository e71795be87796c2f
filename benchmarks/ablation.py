"""What each ingredient of the transferred search is worth: regret without it, on tasks of families it never saw.

Run: python benchmarks/ablation.py META --out FOLDER [--leave-out family] [--budget 1runs,2runs,3runs,5runs,15runs]
     [--variants NAME ...]

Every variant is `transfer-in-context` with one thing changed; each is replayed on the same tasks as `foretune replay`
does it, thinking for free. A negative difference from the whole means that the search is better without the ingredient.
Searches that are done are lines of FOLDER/replays.jsonl; delete it after changing a variant.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare, replay_all
from foretune.benchmark.figures import results_frame, scales_of
from foretune.benchmark.knowledge import Knowledge
from foretune.benchmark.methods import Chosen, Method, choose
from foretune.benchmark.setting import Setting
from foretune.metadata import read_meta_dataset
from foretune.metadata.noise import seed_noise
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.standing import next_run
from foretune.report.replay import markdown, sheets
from foretune.surrogate.encoders import encoder_for
from foretune.surrogate.examples import read_runs
from foretune.surrogate.fit import common_features, default_of
from foretune.surrogate.fit_in_context import InContextRecipe, fit_in_context
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.kinds import IN_CONTEXT
from foretune.surrogate.pace import paced
from foretune.surrogate.protocol import Cases, Observed, Predictor, PredictsCases, Surrogates
from foretune.types import Configuration, Prediction, Report, Task, Trial

WHOLE = "transfer-in-context"
BASELINES = ("random", "portfolio", "oracle")
FLOOR = 2
_NO_WIDTH = 1e6
Change = Callable[[InContextSurrogate], InContextSurrogate]


def without_landmarks(surrogate: InContextSurrogate) -> InContextSurrogate:
    unknown = np.full_like(surrogate.similarity.landmarks, np.nan)
    return replace(surrogate, similarity=replace(surrogate.similarity, landmarks=unknown))


def without_labels(surrogate: InContextSurrogate) -> InContextSurrogate:
    return replace(surrogate, labels=tuple(("", "") for _ in surrogate.labels))


def all_tasks_alike(surrogate: InContextSurrogate) -> InContextSurrogate:
    return replace(surrogate, similarity=replace(surrogate.similarity, width=_NO_WIDTH))


def exact_blend(surrogate: InContextSurrogate) -> InContextSurrogate:
    """What a new task may have for itself is only noise."""
    return replace(surrogate, deviations=replace(surrogate.deviations, own=1e-3, run=1e-3))


def complete_runs(whole: InContextSurrogate, task: Task, one: Configuration, slices: int) -> bool:
    del task, one
    return slices == whole.slices


def the_default(whole: InContextSurrogate, task: Task, one: Configuration, slices: int) -> bool:
    del slices
    return whole.is_reference(task, one)


@dataclass(frozen=True)
class Blinkered:
    """A performance surrogate that is shown only part of what was observed."""

    whole: InContextSurrogate
    keep: Callable[[Task, Configuration, int], bool]

    @property
    def typical_features(self) -> Mapping[str, float]:
        return self.whole.typical_features

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        return self.whole.recorded

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        by_key = {one.key: one for one in candidates}
        return BlinkeredPredictor(
            self.whole.on(task, candidates), lambda key, slices: self.keep(task, by_key[key], slices)
        )


@dataclass(frozen=True)
class BlinkeredPredictor:
    whole: Predictor
    keep: Callable[[str, int], bool]

    def __call__(self, observed: Observed) -> Prediction:
        return self.whole(self._kept(observed))

    def cases(self, observed: Observed) -> Cases:
        if not isinstance(self.whole, PredictsCases):
            raise TypeError("only the in-context surrogate predicts cases")
        return self.whole.cases(self._kept(observed))

    def _kept(self, observed: Observed) -> Observed:
        return {key: curve for key, curve in observed.items() if self.keep(key, len(curve))}


class AfterPortfolio:
    """The default and the first few of the greedy portfolio are trained in any case; then the search goes on."""

    def __init__(self, setting: Setting, search: Optimizer, surrogates: Surrogates) -> None:
        first = [setting.first] if setting.first else []
        self._order = [*first, *[one for one in setting.portfolio if one not in first][:FLOOR]]
        self._task, self._search, self._surrogates = setting.task, search, surrogates
        self._history: tuple[Report, ...] = ()

    def ask(self, seconds_left: float = math.inf, pending: Sequence[Trial] = ()) -> Trial | None:
        floor = next_run(self._order, self._history, self._task, self._surrogates.cost, seconds_left, pending)
        return floor or self._search.ask(seconds_left, pending)

    def tell(self, report: Report) -> None:
        self._history = (*self._history, report)
        self._search.tell(report)


def searching(setting: Setting, surrogates: Surrogates) -> Optimizer:
    pool = [setting.first, *setting.candidates] if setting.first else list(setting.candidates)
    if setting.is_elsewhere:
        surrogates = paced(surrogates, setting.task, setting.timing.pace)
    return TransferInContext(setting.task, pool, surrogates=surrogates)


def changed(change: Change) -> Callable[[Setting, int], Optimizer]:
    """The search with a surrogate that something was taken from."""

    @cache
    def surrogates(knowledge: Knowledge) -> Surrogates:
        whole = knowledge.surrogates(IN_CONTEXT)
        if not isinstance(whole.performance, InContextSurrogate):
            raise TypeError("only the in-context surrogate can be taken apart")
        return replace(whole, performance=change(whole.performance))

    return lambda setting, _: searching(setting, surrogates(setting.knowledge))


def refitted(feature_names: Callable[[Sequence[str]], Sequence[str]]) -> Callable[[Setting, int], Optimizer]:
    """The search with a surrogate that was fitted on some of the meta-features."""

    @cache
    def surrogates(knowledge: Knowledge) -> Surrogates:
        runs = read_runs([knowledge.meta])
        encoder, names = encoder_for([knowledge.meta], knowledge.space), feature_names(common_features(runs))
        performance = fit_in_context(runs, encoder, names, InContextRecipe(), reference=default_of([knowledge.meta]))
        return replace(knowledge.surrogates(IN_CONTEXT), performance=performance)

    return lambda setting, _: searching(setting, surrogates(setting.knowledge))


def blinkered(keep: Callable[[InContextSurrogate, Task, Configuration, int], bool]) -> Callable[..., Optimizer]:
    """The search with a surrogate that is told only part of what was seen."""

    def make(setting: Setting, _: int) -> Optimizer:
        whole = setting.knowledge.surrogates(IN_CONTEXT)
        inner = whole.performance
        if not isinstance(inner, InContextSurrogate):
            raise TypeError("only the in-context surrogate tells what it is told")
        seen = Blinkered(inner, lambda task, one, slices: keep(inner, task, one, slices))
        return searching(setting, replace(whole, performance=seen))

    return make


def after_portfolio(setting: Setting, _: int) -> Optimizer:
    surrogates = setting.knowledge.surrogates(IN_CONTEXT)
    return AfterPortfolio(setting, searching(setting, surrogates), surrogates)


VARIANTS: Mapping[str, Callable[[Setting, int], Optimizer]] = {
    "without meta-features": refitted(lambda _: []),
    "without zero-shot meta-features": refitted(lambda names: [one for one in names if "zero_shot" not in one]),
    "without landmarks of the default": changed(without_landmarks),
    "without labels": changed(without_labels),
    "all earlier tasks alike": changed(all_tasks_alike),
    "no deviations from the blend": changed(exact_blend),
    "observing complete runs only": blinkered(complete_runs),
    "observing the default only": blinkered(the_default),
    "observing nothing": blinkered(lambda *_: False),
    "after the first two of the portfolio": after_portfolio,
}
OPTIONS: Mapping[str, str] = {
    "best mean, not expected improvement": f"{WHOLE}:explore=0",
    "one normal distribution, not cases": f"{WHOLE}:cases=0",
    "only the next run planned": f"{WHOLE}:ahead=0",
    "improvement per second^0.3": f"{WHOLE}:cost_power=0.3",
    "improvement per second": f"{WHOLE}:cost_power=1",
    "runs never left": f"{WHOLE}:patience=1e9",
    "the default first in any case": f"{WHOLE}:room=0",
}


def chosen(name: str) -> Chosen:
    if name in OPTIONS:
        return replace(choose([OPTIONS[name]])[0], name=name)
    return Chosen(name, Method(VARIANTS[name], stochastic=False, default_first=False, times_steps=True), {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--budget", default="1runs,2runs,3runs,5runs,15runs")
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS, *OPTIONS], default=[*VARIANTS, *OPTIONS])
    parser.add_argument("--seeds", type=int, default=5, help="of random search")
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, parse_amounts(arguments.budget), seeds=arguments.seeds, charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out / "surrogates", [*BASELINES, WHOLE])
    contest = replace(contest, methods=(*contest.methods, *map(chosen, arguments.variants)))
    searches = replay_all(contest, arguments.out, lambda done, of: print(f"{done}/{of}", end="\r", file=sys.stderr))
    frame = results_frame(searches, contest, scales_of(contest, seed_noise(meta)), meta)
    names = [method.name for method in contest.methods if method.name != "oracle"]
    text = "\n".join(markdown(sheet) for sheet in sheets(frame, names, WHOLE) if sheet.printed)
    (arguments.out / "ablation.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
