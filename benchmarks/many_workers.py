"""What several trials at the same time are worth to the default search, and how trials under way are best treated.

Run: python benchmarks/many_workers.py META --out FOLDER [--workers 1,2,4,8,16,32,64] [--budget 3] [--every 1]
     [--leave-out family] [--sleeps SECONDS]

Printed are

- the mean regret over tasks (1 is the median configuration of the pool) by wall time in mean full runs, where trials
  under way are taken to end as predicted, as the search does it, and where they are left out of the choice alone;
- the wall time after which as many tasks as not have reached what one worker has found when its budget ends, and how
  many do at all;
- with --sleeps, the search itself (`foretune.tuner.tune`) with trials that sleep for their recorded length, scaled so
  that all of the first task's search takes so many seconds on one worker: seconds on 1, 2 and 4 workers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from foretune.benchmark.at_once import Found, best_by, simulate_at_once
from foretune.benchmark.compare import Contest, Terms, prepare
from foretune.benchmark.figures import scales_of
from foretune.benchmark.methods import choose
from foretune.benchmark.regret import Scale, interval
from foretune.metadata import read_meta_dataset
from foretune.optimizer.in_context import TransferInContext
from foretune.optimizer.protocol import Optimizer
from foretune.optimizer.state import SearchState
from foretune.tuner import Budget, tune
from foretune.types import LearningCurve, Report, Trial

SEARCH = choose(["transfer-in-context"])[0]
AT = (0.5, 1.0, 2.0, 3.0)
SLICES = 48


class LeavingOut(TransferInContext):
    """The search that believes nothing of trials under way, and only does not choose them again."""

    def _believed(self, state: SearchState) -> SearchState:
        return state


def believing(contest: Contest, task: str) -> Optimizer:
    return SEARCH.make(contest.settings[task], 0)


def leaving_out(contest: Contest, task: str) -> Optimizer:
    search = believing(contest, task)
    search.__class__ = LeavingOut
    return search


WAYS: Mapping[str, Callable[[Contest, str], Optimizer]] = {"as predicted": believing, "left out": leaving_out}


def regret(score: float, scale: Scale) -> float:
    floor = scale.worst if np.isinf(score) else score
    return max(0.0, scale.best - floor) / (scale.best - scale.median)


def reached(found: Found, score: float) -> float:
    """Seconds after which a score was there; infinite if it never was."""
    return next((ended for ended, one in found if one >= score), np.inf)


def simulated(contest: Contest, tasks: Sequence[str], workers: Sequence[int], budget: float) -> None:
    scales = scales_of(contest, dict.fromkeys(contest.recorded, None))
    marks = [mark for mark in AT if mark <= budget]
    print(f"{len(tasks)} tasks; regret after so many mean full runs of wall time")
    print(
        f"{'workers':>7}  {'under way':<14}"
        + "".join(f"{mark:>8g}" for mark in marks)
        + "   as good as 1 worker: after, on"
    )
    alone: dict[str, float] = {}
    own: dict[tuple[int, str], np.ndarray] = {}
    for count in workers:
        for way, make in WAYS.items():
            if count == 1 and way != "as predicted":
                continue
            rows, times = list[list[float]](), list[float]()
            for task in tasks:
                recorded, scale = contest.recorded[task], scales[task]
                unit = recorded.mean_run_seconds
                found = simulate_at_once(make(contest, task), recorded, budget * unit, count)
                untrained = recorded.zero_shot if np.isfinite(recorded.zero_shot) else -np.inf
                rows.append([regret(best_by(found, mark * unit, untrained), scale) for mark in marks])
                alone.setdefault(task, best_by(found, budget * unit, untrained))
                times.append(reached(found, alone[task]) / unit)
            own[count, way] = np.array(rows)
            cells = "".join(f"{value:>8.3f}" for value in own[count, way].mean(axis=0))
            share = f"{np.median(times):>12.2f} runs, {np.isfinite(times).mean():.0%}"
            print(f"{count:>7}  {way:<14}{cells}{share}", flush=True)
    print("regret as predicted minus left out, with 95 % intervals over tasks")
    for count in workers:
        if (count, "left out") in own:
            apart = (own[count, "as predicted"] - own[count, "left out"]).T
            found = [interval(one) for one in apart]
            print(f"{count:>7}  " + "  ".join(f"{one.mean:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" for one in found))


def slept(contest: Contest, task: str, seconds: float) -> None:
    recorded = contest.recorded[task]

    def evaluated(trial: Trial, scale: float) -> Report:
        report = recorded.evaluate(trial)
        time.sleep(report.seconds * scale)
        curve = LearningCurve(report.curve.scores, report.curve.seconds * scale)
        return replace(report, curve=curve, seconds=report.seconds * scale)

    whole = sum(
        one.seconds for one in tune(believing(contest, task), recorded.evaluate, budget=Budget(slices=SLICES)).history
    )
    scale = seconds / whole
    print(f"{task}: {SLICES} slices of {whole:.0f} recorded seconds, as sleeps of {seconds:g} s")
    for count in (1, 2, 4):
        begun = time.monotonic()
        result = tune(
            believing(contest, task), lambda trial: evaluated(trial, scale), budget=Budget(slices=SLICES), workers=count
        )
        took = time.monotonic() - begun
        trained = sum(one.seconds for one in result.history)
        print(f"{count:>7} workers: {took:.1f} s, {trained / took:.2f} trials at the same time on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("meta", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", default="1,2,4,8,16,32,64")
    parser.add_argument("--budget", type=float, default=3.0, help="mean full runs of wall time")
    parser.add_argument("--every", type=int, default=1, help="take only every so-manieth task")
    parser.add_argument("--leave-out", choices=["task", "family", "model"], default="family")
    parser.add_argument("--sleeps", type=float)
    arguments = parser.parse_args()
    meta = read_meta_dataset(arguments.meta)
    terms = Terms(arguments.leave_out, (), charge_overhead=False)
    contest = prepare(meta, meta, terms, None, arguments.out / "surrogates", [SEARCH.name])
    tasks = list(contest.recorded)[:: arguments.every]
    simulated(contest, tasks, [int(one) for one in arguments.workers.split(",")], arguments.budget)
    if arguments.sleeps:
        slept(contest, tasks[0], arguments.sleeps)


if __name__ == "__main__":
    main()
