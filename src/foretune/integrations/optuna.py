"""What foretune has learned, for studies of Optuna: a sampler and a pruner that ask `transfer-in-context`.

    sampler = TransferSampler.of_data("questions.jsonl", model="foretune-tiny")
    study = optuna.create_study(sampler=sampler, pruner=TransferPruner(sampler))

A trial of Optuna is a run of one configuration. Its intermediate values are the slices: an objective that reports the
validation loss after each eighth of its run tells most. The state of the sampler is the study alone, so that studies
can be resumed, and shared by several processes.

Which hyperparameters there are depends on the method, so that no search space is fixed in advance: each value is
sampled when the objective asks for it. A parameter that is none of the search space, or whose range excludes the
chosen value, is left to another sampler.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from foretune.errors import ConfigurationError
from foretune.metadata.slices import equal_parts, values_at
from foretune.optimizer import Search
from foretune.optimizer.in_context import TransferInContext, transfer_in_context
from foretune.optimizer.likeness import most_like
from foretune.optimizer.pool import candidate_pool
from foretune.session.ground import base_model_held, prepare
from foretune.session.options import TuneOptions
from foretune.session.search import check_settings, on_this_machine
from foretune.space import SearchSpace, load_space
from foretune.space.domain import activity, is_range, legal_values
from foretune.space.vocabulary import HYPERPARAMETERS, base_name
from foretune.surrogate.inputs import width_of
from foretune.surrogate.store import load_surrogates
from foretune.types import Configuration, LearningCurve, Report, Status, Task, Trial, Value

_INSTANT = 1e-6
"""Seconds of a slice that a study does not tell."""


class TransferSampler(BaseSampler):
    """Samples the configuration that foretune would train next on this task.

    Args:
        search: the task, the pool to choose from, and the surrogates; `of_data` and `of_task` make it.
        independent_sampler: of parameters that foretune does not know; by default a random one.
    """

    def __init__(self, search: Search, *, independent_sampler: BaseSampler | None = None) -> None:
        self._search = search
        self._others = independent_sampler or RandomSampler(search.seed)
        self._pool = {one.key: one for one in search.pool}
        self._chosen: dict[tuple[str, int], Configuration | None] = {}
        self._alone = Lock()

    @classmethod
    def of_data(
        cls,
        data: str | Path,
        *,
        model: str | Path = "foretune-tiny",
        independent_sampler: BaseSampler | None = None,
        **options: Any,
    ) -> TransferSampler:
        """For a dataset and a base model, which is loaded and scored before any training.

        Args:
            data: file, folder or hub name of the dataset.
            model: base model: `foretune-tiny`, a folder, or a hub name.
            independent_sampler: see the class.
            options: further ones of `foretune.tune`: `seed`, `space`, `candidates`, `surrogates`, `train_rows`, ...

        Raises:
            ForetuneError: whatever is wrong with the input.
        """
        asked = TuneOptions.of(data, model, **options)
        check_settings(asked)
        with base_model_held():
            setup = prepare(on_this_machine(asked), None, timed=False)
        search = Search(setup.task, setup.candidates, setup.default, setup.surrogates, asked.seed)
        return cls(search, independent_sampler=independent_sampler)

    @classmethod
    def of_task(
        cls,
        task: Task,
        surrogates: str | Path,
        *,
        space: str | Path = "peft",
        candidates: int = 256,
        seed: int = 0,
        independent_sampler: BaseSampler | None = None,
    ) -> TransferSampler:
        """For a task that is described by its meta-features.

        Args:
            task: what is finetuned.
            surrogates: folder written by `foretune fit`.
            space: search space: a shipped name or a YAML file.
            candidates: configurations to choose from.
            seed: of everything random.
            independent_sampler: see the class.

        Raises:
            ConfigurationError: if the meta-features do not tell the width of the base model.
        """
        learned, width = load_surrogates(surrogates), width_of(task)
        if width is None:
            message = f"task {task.id!r} has no meta-feature model_log_width, which learning rates depend on; add it"
            raise ConfigurationError(message)
        scaled = load_space(str(space), hidden_size=width)
        recorded, rng = learned.performance.recorded, np.random.default_rng(seed)
        pool = candidate_pool(scaled, width, recorded, candidates, rng)
        return cls(Search(task, pool, scaled.default(), learned, seed), independent_sampler=independent_sampler)

    def reseed_rng(self) -> None:
        """See `BaseSampler`; only the other sampler is random."""
        self._others.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: see the module."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The values of these parameters."""
        self._raise_error_if_multi_objective(study)
        return {name: self.sample_independent(study, trial, name, one) for name, one in search_space.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of one parameter.

        Raises:
            ConfigurationError: if the study has another direction than the metric of the task.
        """
        self._raise_error_if_multi_objective(study)
        chosen = self._choice(study, trial) if param_name in HYPERPARAMETERS else None
        value = chosen.values.get(param_name) if chosen else None
        if value is None or not _is_allowed(param_name, value, param_distribution):
            return self._others.sample_independent(study, trial, param_name, param_distribution)
        return param_distribution.to_external_repr(param_distribution.to_internal_repr(value))

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """See `BaseSampler`."""
        self._others.after_trial(study, trial, state, values)

    def goes_on(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the run of a trial is worth its next slice, by the slices that it has reported."""
        own = self._configuration(study, trial)
        curve = self._curve(trial)
        if own is None or not 0 < len(curve) < self._search.task.max_fidelity:
            return True
        optimizer, pending = self._told(study, trial)
        optimizer.tell(Report(Trial(trial.number, own, len(curve)), Status.OK, curve))
        following = optimizer.ask(pending=pending)
        return following is not None and following.configuration == own

    def _choice(self, study: Study, trial: FrozenTrial) -> Configuration | None:
        """What the trial is to train; None once the whole pool is trained."""
        key = study.study_name, trial.number
        with self._alone:
            if key not in self._chosen:
                optimizer, pending = self._told(study, trial)
                asked = optimizer.ask(pending=pending)
                self._chosen[key] = asked and asked.configuration
            return self._chosen[key]

    def _told(self, study: Study, trial: FrozenTrial) -> tuple[TransferInContext, list[Trial]]:
        """An optimizer that knows the other trials, and those that are under way."""
        metric = self._search.task.metric
        if (study.direction == optuna.study.StudyDirection.MAXIMIZE) != metric.maximize:
            wanted = "maximize" if metric.maximize else "minimize"
            message = (
                f"the study is to {study.direction.name.lower()} its objective, but {metric.name} of the task "
                f"{self._search.task.id!r} is to {wanted}; create the study with direction={wanted!r}"
            )
            raise ConfigurationError(message)
        optimizer, pending = transfer_in_context(self._search), list[Trial]()
        for one in study.get_trials(deepcopy=False):
            configuration = self._configuration(study, one) if one.number != trial.number else None
            if configuration is None:
                continue
            if one.state.is_finished():
                optimizer.tell(self._report(one, configuration))
            else:
                pending.append(Trial(one.number, configuration, self._search.task.max_fidelity))
        return optimizer, pending

    def _configuration(self, study: Study, trial: FrozenTrial) -> Configuration | None:
        """The configuration of the pool that a trial trains, or is most like; None for one of other parameters."""
        chosen = self._chosen.get((study.study_name, trial.number))
        asked = {name: value for name, value in trial.params.items() if _is_known(name, value)}
        if not (values := {**(chosen.values if chosen else {}), **asked}):
            return None
        wanted = Configuration(values)
        return self._pool.get(wanted.key) or most_like(wanted, self._search.pool)

    def _report(self, trial: FrozenTrial, configuration: Configuration) -> Report:
        """What came of a finished trial; one that was pruned is not gone on with."""
        curve, slices = self._curve(trial), self._search.task.max_fidelity
        whole = trial.state == TrialState.COMPLETE and len(curve) == slices
        status = Status.OK if whole else Status.FAILED
        return Report(Trial(trial.number, configuration, slices), status, curve)

    def _curve(self, trial: FrozenTrial) -> LearningCurve:
        """The slices of a trial; a complete one that reported others is read at so many parts of it."""
        slices, metric = self._search.task.max_fidelity, self._search.task.metric
        values = [value for _, value in sorted(trial.intermediate_values.items())]
        if not values and trial.state == TrialState.COMPLETE:
            values = list(trial.values)
        finite = list(takewhile(math.isfinite, values))
        if trial.state == TrialState.COMPLETE and len(finite) == len(values) and len(finite) not in {0, slices}:
            places = [(place + 1) / len(finite) for place in range(len(finite))]
            finite = values_at(equal_parts(1.0, slices), places, finite).tolist()
        scores = [metric.score(value) for value in finite[:slices]]
        return LearningCurve(np.array(scores), np.full(len(scores), _seconds(trial, len(scores))))


class TransferPruner(BasePruner):
    """Prunes a run that is not expected to beat the best so far.

    The objective reports as many slices as the surrogates have learned from, which are 8 of the shipped surrogates.

    Args:
        sampler: of the same study.
    """

    def __init__(self, sampler: TransferSampler) -> None:
        self._sampler = sampler

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """See `BasePruner`."""
        return not self._sampler.goes_on(study, trial)


def suggest(trial: optuna.Trial, space: SearchSpace) -> dict[str, Value]:
    """Ask for every hyperparameter of a search space that exists beside the others.

    Args:
        trial: under way.
        space: at the width of the base model, see `foretune.space.load_space`.

    Returns:
        The values of a configuration, by name.
    """
    found: dict[str, Value] = {}
    for variant, hyperparameter in space.space.items():
        when, name = activity(space.space, variant), base_name(variant)
        if when is None or found.get(base_name(when.parent)) in when.values:
            found[name] = _suggested(trial, name, hyperparameter)
    return found


def _suggested(trial: optuna.Trial, name: str, hyperparameter: Any) -> Value:
    values = legal_values(hyperparameter)
    if not is_range(hyperparameter):
        return cast("Value", trial.suggest_categorical(name, values))
    ask = trial.suggest_int if isinstance(values[0], int) else trial.suggest_float
    return ask(name, cast("Any", values[0]), cast("Any", values[1]), log=hyperparameter.log)


def _is_known(name: str, value: object) -> bool:
    return name in HYPERPARAMETERS and isinstance(value, str | int | float) and HYPERPARAMETERS[name].allows(value)


def _is_allowed(name: str, value: Value, distribution: BaseDistribution) -> bool:
    try:
        optuna.create_trial(value=0.0, params={name: value}, distributions={name: distribution})
    except (ValueError, TypeError):
        return False
    return True


def _seconds(trial: FrozenTrial, slices: int) -> float:
    if trial.datetime_start is None or trial.datetime_complete is None or not slices:
        return _INSTANT
    return max((trial.datetime_complete - trial.datetime_start).total_seconds() / slices, _INSTANT)
