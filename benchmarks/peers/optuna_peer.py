"""Optuna: TPE, GP, TPE with Hyperband's pruner, and MetaLearnTPE of OptunaHub.

Spaces are defined by run, so that conditional hyperparameters exist only where they do. A list of ordered numbers is
suggested by the place in the list, so that its order is kept.

Where another configuration was trained than the one that was proposed, the proposal is told as failed, which samplers
ignore, and the trained one is added with its loss. With a pruner it is enqueued and goes through the pruner itself.
"""

from __future__ import annotations

import os
import warnings

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from serving import Parameter, Result, Start, proposal, serve

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class Study:
    def __init__(self, start: Start) -> None:
        self._start = start
        self._prunes = start.settings.get("pruner") == "hyperband"
        pruner = optuna.pruners.HyperbandPruner(max_resource=start.slices) if self._prunes else None
        self._study = optuna.create_study(
            sampler=sampler_of(start),
            pruner=pruner or optuna.pruners.NopPruner(),
            study_name=f"seed {start.seed}",  # which decides on the brackets, and would be random
        )
        if start.default:
            self._study.enqueue_trial(self._params(start.default))
        self._trial = None

    def ask(self) -> dict:
        if self._trial is None:
            self._trial = self._study.ask()
            self._values = suggest(self._trial, self._start)
            self._run, self._seen, self._is_checked = self._trial.number, 0, False
        fidelity = self._seen + 1 if self._prunes else self._start.slices
        return proposal(self._run, self._values, fidelity)

    def tell(self, result: Result) -> None:
        if self._prunes:
            self._report(result)
            return
        if self._values != result.configuration and result.ok:
            self._study.tell(self._trial, state=TrialState.FAIL)
            self._study.add_trial(self._trained(result.configuration, result.loss))
        elif result.ok:
            self._study.tell(self._trial, result.loss)
        else:
            self._study.tell(self._trial, state=TrialState.FAIL)
        self._trial = None

    def _report(self, result: Result) -> None:
        """A slice, after which the pruner decides."""
        if not self._is_checked and self._values != result.configuration:
            self._study.tell(self._trial, state=TrialState.FAIL)
            self._study.enqueue_trial(self._params(result.configuration))
            self._trial = self._study.ask()
            self._values = suggest(self._trial, self._start)
        self._is_checked, self._seen = True, result.fidelity
        if not result.ok:
            self._study.tell(self._trial, state=TrialState.FAIL)
            self._trial = None
            return
        self._trial.report(result.latest, result.fidelity)
        if result.fidelity == self._start.slices:
            self._study.tell(self._trial, result.loss)
            self._trial = None
        elif self._trial.should_prune():
            self._study.tell(self._trial, state=TrialState.PRUNED)
            self._trial = None

    def _params(self, values: dict) -> dict:
        return params_of(values, self._start)

    def _trained(self, values: dict, loss: float) -> optuna.trial.FrozenTrial:
        return finished(values, loss, self._start)


def sampler_of(start: Start) -> optuna.samplers.BaseSampler:
    kind = start.settings["sampler"]
    if kind == "tpe":
        return optuna.samplers.TPESampler(seed=start.seed, **start.settings.get("options", {}))
    if kind == "gp":
        return optuna.samplers.GPSampler(seed=start.seed, **start.settings.get("options", {}))
    if kind == "meta-learn-tpe":
        return meta_learn_tpe(start)
    raise ValueError(f"no sampler is called {kind!r}")


def meta_learn_tpe(start: Start) -> optuna.samplers.BaseSampler:
    """From OptunaHub's registry: a copy in the folder OPTUNAHUB_REGISTRY, or else over the network."""
    import optunahub

    package, copy = "samplers/meta_learn_tpe", os.environ.get("OPTUNAHUB_REGISTRY")
    module = (
        optunahub.load_local_module(package, registry_root=copy) if copy else optunahub.load_module(package=package)
    )
    studies = []
    for task in start.earlier:
        study = optuna.create_study()
        study.add_trials([finished(run["configuration"], min(run["losses"]), start) for run in task["runs"]])
        studies.append(study)
    return module.MetaLearnTPESampler(source_studies=studies, seed=start.seed, **start.settings.get("options", {}))


def suggest(trial: optuna.Trial, start: Start) -> dict:
    """The values of all hyperparameters that exist beside those before them."""
    values: dict = {}
    for one in start.parameters:
        if one.exists(values):
            values[one.name] = suggested(trial, one)
    return values


def suggested(trial: optuna.Trial, one: Parameter) -> object:
    if one.kind == "choice":
        return trial.suggest_categorical(one.name, one.values)
    if one.kind == "ordered":
        return one.values[trial.suggest_int(one.name, 0, len(one.values) - 1)]
    if one.kind == "integer":
        return trial.suggest_int(one.name, one.low, one.high, log=one.log)
    return trial.suggest_float(one.name, one.low, one.high, log=one.log)


def params_of(values: dict, start: Start) -> dict:
    """As Optuna has them."""
    lists = {one.name: list(one.values) for one in start.parameters if one.kind == "ordered"}
    return {name: lists[name].index(value) if name in lists else value for name, value in values.items()}


def finished(values: dict, loss: float, start: Start) -> optuna.trial.FrozenTrial:
    distributions = {name: distribution(start.by_name[name]) for name in values}
    return create_trial(params=params_of(values, start), distributions=distributions, value=loss)


def distribution(one: Parameter) -> optuna.distributions.BaseDistribution:
    if one.kind == "choice":
        return CategoricalDistribution(one.values)
    if one.kind == "ordered":
        return IntDistribution(0, len(one.values) - 1)
    if one.kind == "integer":
        return IntDistribution(one.low, one.high, log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


if __name__ == "__main__":
    serve(Study, ["optuna"])
