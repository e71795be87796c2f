"""The trials of a search as a study in a storage of Optuna, where optuna-dashboard shows them.

A configuration is a trial: its slices are the intermediate values, its best slice is the value. A finished trial of
Optuna cannot be changed, so that a run which a resumed search goes on with, after it was left, becomes a new trial.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from foretune.integrations.following import Follower, RunSoFar, Stage
from foretune.space.vocabulary import HYPERPARAMETERS, Choices

_KEY = "configuration"
_EARLIER = "goes_on_with_trial"
_MOST = 1e6
"""Upper end of ranges that have none, for Optuna needs one."""
_STATES = {
    Stage.RUNNING: TrialState.RUNNING,
    Stage.COMPLETE: TrialState.COMPLETE,
    Stage.LEFT: TrialState.PRUNED,
    Stage.FAILED: TrialState.FAIL,
}


def study_follower(address: str, name: str) -> Follower:
    """Writes to the study of that name, which is made if there is none.

    Args:
        address: of the storage, such as `sqlite:///trials.db`.
        name: of the study.
    """
    storage = optuna.storages.get_storage(address)
    study = optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)
    place = storage.get_study_id_from_name(study.study_name)

    def follow(runs: Sequence[RunSoFar]) -> None:
        """Bring the trial of each run to where the run is; one that has ended there gets a trial that goes on."""
        known = {trial.user_attrs.get(_KEY): trial for trial in storage.get_all_trials(place, deepcopy=False)}
        for run in runs:
            trial = known.get(run.configuration.key)
            if trial is None or (trial.state.is_finished() and len(trial.intermediate_values) < len(run.losses)):
                trial = storage.get_trial(storage.create_new_trial(place, _begun(run, trial)))
            if not trial.state.is_finished():
                number = storage.get_trial_id_from_study_id_trial_number(place, trial.number)
                _bring(storage, number, trial, run)

    return follow


def _begun(run: RunSoFar, earlier: FrozenTrial | None) -> FrozenTrial:
    """A trial without slices, which says of which finished trial it goes on with the run."""
    values = run.configuration.values
    params = {name: value for name, value in values.items() if name in HYPERPARAMETERS}
    others = {name: value for name, value in values.items() if name not in HYPERPARAMETERS}
    if earlier is not None:
        others[_EARLIER] = earlier.number
    return optuna.create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions={name: _distribution(name) for name in params},
        user_attrs={_KEY: run.configuration.key, **others},
    )


def _bring(storage: BaseStorage, number: int, trial: FrozenTrial, run: RunSoFar) -> None:
    """What a trial lacks of its run."""
    for step, loss in enumerate(run.losses, start=1):
        if step not in trial.intermediate_values:
            storage.set_trial_intermediate_value(number, step, loss)
    storage.set_trial_user_attr(number, "seconds", run.seconds)
    if run.message:
        storage.set_trial_user_attr(number, "message", run.message)
    if run.stage is not Stage.RUNNING:
        scored = run.losses and run.stage is not Stage.FAILED
        storage.set_trial_state_values(number, _STATES[run.stage], [min(run.losses)] if scored else None)


def _distribution(name: str) -> BaseDistribution:
    """The same in all studies, for Optuna compares them."""
    legal = HYPERPARAMETERS[name]
    if isinstance(legal, Choices):
        return CategoricalDistribution(legal.words)
    most = min(legal.upper, _MOST)
    if legal.whole:
        return IntDistribution(int(legal.lower), int(most), log=True)
    return FloatDistribution(legal.lower, most, log=legal.lower > 0)
