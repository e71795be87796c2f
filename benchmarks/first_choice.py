"""How good the first choice is, before anything of a task was trained: regret and place in the pool.

Run: python benchmarks/first_choice.py META [--leave-out family] [--surrogates in-context deep-kernel] --out FOLDER

Each way of choosing learns from the other families (or base models) alone and names one configuration of the task's
recorded pool, the default included. Regret is 0 for the best of the pool and 1 for the median one; the place is the
share of the pool that is better. Ratios are of mean regrets to that of the best configuration on average. Fitted
surrogates are kept in FOLDER.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Terms, prepare
from foretune.benchmark.paired import ratio_of_means
from foretune.benchmark.regret import interval, peaks_of, regret, scale_of
from foretune.benchmark.replay import RecordedTask
from foretune.benchmark.replay_task import ReplayTask
from foretune.metadata import read_meta_dataset
from foretune.surrogate.kinds import IN_CONTEXT, KINDS
from foretune.types import Configuration

AVERAGE = "best on average"
Choice = Callable[[ReplayTask], Configuration]


def predicted_best(kind: str) -> Choice:
    """The configuration with the best predicted peak."""

    def choose(setting: ReplayTask) -> Configuration:
        performance = setting.knowledge.surrogates(kind).performance
        predicted = performance.on(setting.task, setting.candidates)({})
        return setting.candidates[int(np.argmax(predicted.mean.max(axis=1)))]

    return choose


def default(setting: ReplayTask) -> Configuration:
    if setting.default is None:
        raise ValueError(f"the default of {setting.task.id} was not recorded")
    return setting.default


def judged(
    recorded: RecordedTask, setting: ReplayTask, choices: Mapping[str, Choice]
) -> dict[str, tuple[float, float]]:
    """Regret and place of each choice."""
    scale, peaks = scale_of(recorded, setting.default), peaks_of(recorded)
    by_key = dict(zip(recorded.recordings, peaks.tolist(), strict=True))
    scores = {name: by_key[choose(setting).key] for name, choose in choices.items()}
    return {name: (regret(score, scale), float((peaks > score).mean())) for name, score in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--surrogates", nargs="+", choices=list(KINDS), default=[IN_CONTEXT])
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, parse_amounts("1runs"), charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out, ["default", "best-average", "transfer-in-context"])
    choices: dict[str, Choice] = {
        "default": default,
        AVERAGE: lambda setting: setting.average[0],
        **{f"predicted best, {kind}": predicted_best(kind) for kind in arguments.surrogates},
    }
    settings = {name: one for name, one in contest.settings.items() if one.default}
    found = [judged(contest.recorded[name], one, choices) for name, one in settings.items()]
    models = np.array([meta.models[name] for name in settings])
    for model in ["all", *dict.fromkeys(models)]:
        shown = [one for one, its in zip(found, models, strict=True) if model in ("all", its)]
        print(f"\n{model}: {len(shown)} tasks, one {arguments.leave_out} left out\n")
        print("| | regret | share of the average's | place |\n|---|---|---|---|")
        average = np.array([one[AVERAGE][0] for one in shown])
        for name in choices:
            regrets, places = np.array([one[name] for one in shown]).T
            cells = (interval(regrets), ratio_of_means(regrets, average), interval(places))
            print(f"| {name} |", " | ".join(f"{one.mean:.2f} [{one.low:.2f}, {one.high:.2f}]" for one in cells), "|")


if __name__ == "__main__":
    main()
