"""How well the best of a task's runs can be told at all: from other tasks, and from more and more of its own runs.

Run: python benchmarks/ceiling.py META --out FOLDER [--leave-out family] [--repeats 20]

A fifth of each task's configurations, drawn at random, is set aside; from what is known of the others the best of the
fifth is to be named. Regret is what the named one lacks to the best of the fifth, 1 being the distance from the
median to the best of the whole pool. Known are, from the other families: means over tasks; what the search predicts
once the default has been trained; and means and covariances of all configurations over tasks, conditioned on the best
losses of a share of the task's other runs (a linear blend of earlier tasks is no better informed than that). The
difference between the last row and 0 is what no earlier task foretells, and luck of the seed. Tasks with fewer than 30
configurations are left out. Fitted surrogates are kept in FOLDER.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foretune.acquisition import expected_improvement
from foretune.benchmark.budgets import parse_amounts
from foretune.benchmark.compare import Contest, Terms, prepare
from foretune.benchmark.regret import interval
from foretune.benchmark.replay import RecordedTask
from foretune.metadata import read_meta_dataset
from foretune.metadata.common import relative_to_width
from foretune.surrogate.gains import gain_scale
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.kinds import IN_CONTEXT
from foretune.surrogate.scenarios import LEAST_VALUE
from foretune.types import Configuration, Prediction

LEAST_RUNS = 30
NUGGET = 0.1
"""Variance of what each run has for itself, in the unit of values: a standard deviation of a third of the distance
from the median to the best."""
SHARES = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Known:
    """One task's pool of C configurations.

    Attributes:
        values: (C,) how the best slice of each compares: 0 is the best of the pool, -1 the median.
        average: (C,) mean over earlier tasks.
        covariance: (C, C) over them.
        predicted: (C,) improvement that the search expects of each once the default has been trained.
    """

    values: np.ndarray
    average: np.ndarray
    covariance: np.ndarray
    predicted: np.ndarray

    def given(self, seen: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """What is expected of some from the values of others, jointly normal."""
        own = self.covariance[np.ix_(seen, seen)] + NUGGET * np.eye(len(seen))
        missed = np.linalg.solve(own, self.values[seen] - self.average[seen])
        return self.average[asked] + self.covariance[np.ix_(asked, seen)] @ missed


def known_of(contest: Contest, task: str) -> Known | None:
    recorded, setting = contest.recorded[task], contest.settings[task]
    surrogate = setting.knowledge.surrogates(IN_CONTEXT).performance
    if setting.default is None or not isinstance(surrogate, InContextSurrogate):
        return None
    places = {one: place for place, one in enumerate(surrogate.recorded)}
    relative = [relative_to_width(one, setting.hidden_size) for one in recorded.candidates]
    pool = [one for one, alike in zip(recorded.candidates, relative, strict=True) if alike in places]
    runs = [recorded.recordings[one.key] for one in pool]
    if len(pool) < LEAST_RUNS or min(len(run.curve) for run in runs) == 0:
        return None
    relative = gain_scale(recorded.task)
    peaks = np.array([relative.gains(run.curve.scores).max() for run in runs])
    scale = max(float(peaks.max() - np.median(peaks)), relative.least)
    earlier = surrogate.scenarios.values.max(axis=2)[
        :, [places[relative_to_width(one, setting.hidden_size)] for one in pool]
    ]
    predicted = worth(surrogate, recorded, pool, setting.default)
    values = np.maximum((peaks - peaks.max()) / scale, LEAST_VALUE)
    return Known(values, earlier.mean(axis=0), np.cov(earlier.T), predicted)


def worth(
    surrogate: InContextSurrogate, recorded: RecordedTask, pool: Sequence[Configuration], default: Configuration
) -> np.ndarray:
    """What the search goes by (`foretune.optimizer.in_context`), were time no object."""
    curve = recorded.recordings[default.key].curve
    found = surrogate.on(recorded.task, pool).outcomes({default.key: curve})
    predicted = Prediction(found.gains, np.full(found.gains.shape, found.own))
    best = max(0.0, float(gain_scale(recorded.task).gains(curve.scores).max()))
    return np.tensordot(found.weights, expected_improvement(predicted, best), 1).max(axis=1)


def regrets(known: Known, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Of one draw of the fifth, by what is known."""
    order = rng.permutation(len(known.values))
    asked, others = np.split(order, [len(order) // 5])
    best = known.values[asked].max()
    guesses = {
        "mean over tasks": known.average[asked],
        "the search, after the default": known.predicted[asked],
        **{
            f"{share:.0%} of the task's other runs": known.given(others[: round(share * len(others))], asked)
            for share in SHARES
        },
    }
    for name, guess in guesses.items():
        yield name, float(best - known.values[asked[np.argmax(guess)]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, parse_amounts("1runs"), charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out, ["transfer-in-context"])
    rng, found = np.random.default_rng(0), dict[str, list[float]]()
    for task in contest.recorded:
        known = known_of(contest, task)
        if known is None:
            continue
        draws = [dict(regrets(known, rng)) for _ in range(arguments.repeats)]
        for name in draws[0]:
            found.setdefault(name, []).append(float(np.mean([draw[name] for draw in draws])))
    print(
        f"{len(next(iter(found.values())))} tasks, one {arguments.leave_out} left out\n\n| known | regret |\n|---|---|"
    )
    for name, values in found.items():
        shown = interval(np.array(values))
        print(f"| {name} | {shown.mean:.3f} [{shown.low:.3f}, {shown.high:.3f}] |")


if __name__ == "__main__":
    main()
