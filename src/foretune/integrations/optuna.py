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

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from foretune.integrations.asking import (
    OutsideRun,
    check_direction,
    goes_on,
    known_values,
    next_configuration,
    of_pool,
    search_of_data,
    search_of_task,
)
from foretune.integrations.following import Stage
from foretune.optimizer import Search
from foretune.space import SearchSpace
from foretune.space.domain import activity, is_range, legal_values
from foretune.space.vocabulary import HYPERPARAMETERS, base_name
from foretune.types import Configuration, Task, Value

_STAGES = {
    TrialState.COMPLETE: Stage.COMPLETE,
    TrialState.PRUNED: Stage.FAILED,  # it cannot be gone on with
    TrialState.FAIL: Stage.FAILED,
}


class TransferSampler(BaseSampler):
    """Samples the configuration that foretune would train next on this task.

    Args:
        search: the task, the pool to choose from, and the surrogates; `of_data` and `of_task` make it.
        independent_sampler: of parameters that foretune does not know; by default a random one.
    """

    def __init__(self, search: Search, *, independent_sampler: BaseSampler | None = None) -> None:
        self._search = search
        self._others = independent_sampler or RandomSampler(search.seed)
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
        return cls(search_of_data(data, model=model, **options), independent_sampler=independent_sampler)

    @classmethod
    def of_task(
        cls,
        task: Task,
        surrogates: str | Path,
        *,
        independent_sampler: BaseSampler | None = None,
        **options: Any,
    ) -> TransferSampler:
        """For a task that is described by its meta-features.

        Args:
            task: what is finetuned.
            surrogates: folder written by `foretune fit`.
            independent_sampler: see the class.
            options: further ones of `foretune.integrations.asking.search_of_task`: `space`, `candidates`, `seed`.

        Raises:
            ConfigurationError: if the meta-features do not tell the width of the base model.
        """
        return cls(search_of_task(task, surrogates, **options), independent_sampler=independent_sampler)

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
        own = self._run(study, trial)
        return own is None or goes_on(self._search, self._others_than(study, trial), own)

    def _choice(self, study: Study, trial: FrozenTrial) -> Configuration | None:
        """What the trial is to train; None once the whole pool is trained."""
        key = study.study_name, trial.number
        with self._alone:
            if key not in self._chosen:
                self._chosen[key] = next_configuration(self._search, self._others_than(study, trial))
            return self._chosen[key]

    def _others_than(self, study: Study, trial: FrozenTrial) -> list[OutsideRun]:
        """The runs of the other trials."""
        check_direction(self._search.task, "direction", study.direction.name.lower(), ("minimize", "maximize"))
        others = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        return [run for run in (self._run(study, one) for one in others) if run]

    def _run(self, study: Study, trial: FrozenTrial) -> OutsideRun | None:
        """What a trial trains, as far as it came; None for one of other parameters."""
        chosen = self._chosen.get((study.study_name, trial.number))
        values = {**(chosen.values if chosen else {}), **known_values(trial.params)}
        if not values:
            return None
        stage = _STAGES.get(trial.state, Stage.RUNNING)
        final = {1: trial.values[0]} if stage is Stage.COMPLETE and not trial.intermediate_values else {}
        return OutsideRun(of_pool(self._search, values), {**trial.intermediate_values, **final}, stage)


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


def _is_allowed(name: str, value: Value, distribution: BaseDistribution) -> bool:
    try:
        optuna.create_trial(value=0.0, params={name: value}, distributions={name: distribution})
    except (ValueError, TypeError):
        return False
    return True
