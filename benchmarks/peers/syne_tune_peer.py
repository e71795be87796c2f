"""Syne Tune 0.13: ASHA, BOHB, MOBSTER, DyHPO, RUSH and ZeroShotTransfer.

Its spaces have no conditions, so they are flat (`serving.Flat`), with ordered numbers by their place in the list.
Schedulers whose searcher has `restrict_configurations` are given the pool, so that nothing is snapped; the others
(BOHB, RUSH, ZeroShotTransfer) are told the configuration that was trained as that of the trial.

RUSH and ZeroShotTransfer are given the earlier runs of the configurations that can be trained here. RUSH begins with
the best configuration of each earlier task, in the order of the tasks: that is random here, after the default, and each
of these configurations is there once. ZeroShotTransfer needs every configuration on every task: it gets the largest
complete part of them.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from datetime import datetime

import numpy as np
import pandas as pd
from serving import Flat, Result, Start, plain, proposal, serve
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, lograndint, loguniform, randint, uniform
from syne_tune.optimizer.baselines import ASHA, BOHB, MOBSTER, DyHPO, ZeroShotTransfer
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.transfer_learning import TransferLearningTaskEvaluations
from syne_tune.optimizer.schedulers.transfer_learning.rush import RUSHScheduler

logging.getLogger().setLevel(logging.ERROR)

RESTRICTABLE = {"asha": ASHA, "mobster": MOBSTER, "dyhpo": DyHPO}
LOSS, SLICE = "loss", "slice"


class Scheduler:
    def __init__(self, start: Start) -> None:
        np.random.seed(start.seed)
        self._start, self._flat = start, Flat(start)
        self._space = {one.name: domain(one) for one in self._flat.parameters}
        self._kind = start.settings["scheduler"]
        self._scheduler = self._made()
        self._trials: dict = {}
        self._current: str | None = None
        self._seen: dict = {}

    def ask(self) -> dict | None:
        if self._current is None:
            suggestion = self._scheduler.suggest(trial_id=len(self._trials))
            if suggestion is None:
                return None
            if suggestion.spawn_new_trial_id:
                self._current = str(len(self._trials))
                self._trials[self._current] = None
                self._config = {name: plain(value) for name, value in suggestion.config.items()}
                self._seen[self._current] = 0
            else:
                self._current = str(suggestion.checkpoint_trial_id)
                self._config = self._trials[self._current].config
        fidelity = self._start.slices if self._kind == "zero-shot" else self._seen[self._current] + 1
        return proposal(self._current, self._flat.decoded(self._config), fidelity)

    def tell(self, result: Result) -> None:
        if self._trials[self._current] is None:
            config = self._flat.encoded(result.configuration)
            self._trials[self._current] = Trial(int(self._current), config, datetime.now())
            self._scheduler.on_trial_add(self._trials[self._current])
        trial = self._trials[self._current]
        self._seen[self._current] = result.fidelity
        if not result.ok:
            self._scheduler.on_trial_error(trial)
            self._current = None
            return
        told = {LOSS: result.loss if self._kind == "zero-shot" else result.latest, SLICE: result.fidelity}
        decision = self._scheduler.on_trial_result(trial, told)
        if result.fidelity == self._start.slices:
            self._scheduler.on_trial_complete(trial, told)
            self._current = None
        elif decision != SchedulerDecision.CONTINUE:
            self._scheduler.on_trial_remove(trial)
            self._current = None

    def _made(self) -> object:
        first = [self._flat.encoded(self._start.default)] if self._start.default else None
        common = {"metric": LOSS, "mode": "min", "random_seed": self._start.seed}
        partial = {**common, "resource_attr": SLICE, "max_t": self._start.slices}
        options = self._start.settings.get("options", {})
        if self._kind in RESTRICTABLE:
            pool = [self._flat.encoded(one) for one in self._start.pool]
            search = {"restrict_configurations": pool, "debug_log": False}
            return RESTRICTABLE[self._kind](
                self._space, points_to_evaluate=first, search_options=search, **partial, **options
            )
        if self._kind == "bohb":
            return BOHB(
                self._space, points_to_evaluate=first, search_options={"debug_log": False}, **partial, **options
            )
        known = [{"task": task["task"], "runs": self._recorded(task["runs"])} for task in self._start.earlier]
        if self._kind == "rush":
            return RUSHScheduler(
                self._space,
                self._earlier(self._distinct(known)),
                search_options={"debug_log": False},
                **partial,
                **options,
            )
        return ZeroShotTransfer(self._space, self._earlier(complete_part(known)), **common, **options)

    def _recorded(self, runs: list) -> list:
        """Of earlier runs those whose configuration can be trained here."""
        found = [{**run, "configuration": self._flat.recorded(run["configuration"])} for run in runs]
        return [run for run in found if run["configuration"]]

    def _distinct(self, tasks: list) -> list:
        """The default as a task, then in random order one task for each configuration that is the best of one."""
        best: dict = {}
        if self._start.default:
            first = {"configuration": self._start.default, "losses": [0.0] * self._start.slices}
            best[key_of(first)] = {"task": "default", "runs": [first]}
        random.Random(self._start.seed).shuffle(tasks)
        for task in tasks:
            if task["runs"]:
                best.setdefault(key_of(min(task["runs"], key=lambda run: min(run["losses"]))), task)
        return list(best.values())

    def _earlier(self, tasks: list) -> dict:
        return {task["task"]: self._evaluations(task["runs"]) for task in tasks}

    def _evaluations(self, runs: list) -> TransferLearningTaskEvaluations:
        losses = np.array([run["losses"] for run in runs])
        table = pd.DataFrame([self._flat.encoded(run["configuration"]) for run in runs])
        return TransferLearningTaskEvaluations(self._space, table, [LOSS], losses[:, None, :, None])


def domain(one) -> object:
    if one.kind == "choice":
        return choice(list(one.values))
    if one.kind == "ordered":
        return randint(0, len(one.values) - 1)
    if one.kind == "integer":
        return (lograndint if one.log else randint)(one.low, one.high)
    return (loguniform if one.log else uniform)(one.low, one.high)


def complete_part(tasks: list) -> list:
    """Of the choices "configurations run on so many tasks or more, and the tasks that have them all", the largest; runs
    in the same order on every task."""
    tables = {task["task"]: {key_of(run): run for run in task["runs"]} for task in tasks}
    coverage = Counter(key for table in tables.values() for key in table)
    best: tuple = ([], [])
    for least in sorted(set(coverage.values())):
        keys = [key for key, count in coverage.items() if count >= least]
        names = [name for name, table in tables.items() if all(key in table for key in keys)]
        best = max(best, (names, keys), key=lambda one: len(one[0]) * len(one[1]))
    names, keys = best
    return [{"task": name, "runs": [tables[name][key] for key in keys]} for name in names]


def key_of(run: dict) -> tuple:
    return tuple(sorted(run["configuration"].items()))


if __name__ == "__main__":
    serve(Scheduler, ["syne-tune"])
