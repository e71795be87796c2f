"""What foretune has learned, for Syne Tune: a scheduler that asks `transfer-in-context`.

    scheduler = TransferScheduler(search_of_data("questions.jsonl", model="foretune-tiny"), time_attr="slice")
    Tuner(LocalBackend("train.py"), scheduler, StoppingCriterion(max_wallclock_time=3600), n_workers=1).run()

A trial of Syne Tune is a run of one configuration. After each slice the scheduler goes on with the run or pauses it for
another, as a search of foretune would; a paused run may be resumed, from its checkpoint if it has one.
"""

# Syne Tune need not be installed.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer.scheduler import SchedulerDecision, TrialScheduler, TrialSuggestion

from foretune.errors import ConfigurationError
from foretune.integrations.asking import OutsideRun, goes_on, next_configuration
from foretune.integrations.following import Stage
from foretune.optimizer import Search
from foretune.space.vocabulary import HYPERPARAMETERS
from foretune.types import Configuration, Value


class TransferScheduler(TrialScheduler):
    """Trains what foretune would train next on this task.

    Args:
        search: the task, the pool to choose from, and the surrogates; `foretune.integrations.asking` makes it.
        metric: that the trials report; by default the name of the task's metric.
        time_attr: that the trials report: the number of the slice, from 1.
        constants: further values that each trial is given.

    Raises:
        ConfigurationError: if a constant is a hyperparameter, or a trial does not report `metric` and `time_attr`.
    """

    def __init__(
        self,
        search: Search,
        *,
        metric: str | None = None,
        time_attr: str = "slice",
        constants: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(search.seed)
        self._search, self._metric, self._time_attr = search, metric or search.task.metric.name, time_attr
        self._constants = dict(constants or {})
        self._runs: dict[str, OutsideRun] = {}
        self._trials: dict[str, int] = {}
        if chosen := sorted(self._constants.keys() & HYPERPARAMETERS):
            message = (
                f"constants has {', '.join(chosen)}, which foretune chooses; leave out, or give search another space"
            )
            raise ConfigurationError(message)

    def suggest(self) -> TrialSuggestion | None:
        """See `TrialScheduler`; None once the whole pool is trained."""
        chosen = next_configuration(self._search, self._runs.values())
        if chosen is None:
            return None
        self._put(chosen.key, self._runs.get(chosen.key, OutsideRun(chosen)), Stage.RUNNING)
        if chosen.key in self._trials:
            return TrialSuggestion.resume_suggestion(self._trials[chosen.key])
        return TrialSuggestion.start_suggestion({**chosen.values, **self._constants})

    def on_trial_add(self, trial: Trial) -> None:
        """See `TrialScheduler`."""
        self._trials[self._key(trial)] = trial.trial_id

    def on_trial_result(self, trial: Trial, result: Mapping[str, Any]) -> str:
        """See `TrialScheduler`; a run that has diverged is stopped."""
        key = self._key(trial)
        run = self._reported(key, result)
        if len(run.finite) < len(run.values):
            self._put(key, run, Stage.FAILED)
            return SchedulerDecision.STOP
        others = [one for one in self._runs.values() if one.configuration != run.configuration]
        if goes_on(self._search, others, run):
            return SchedulerDecision.CONTINUE
        self._put(key, run, Stage.LEFT)
        return SchedulerDecision.PAUSE

    def on_trial_complete(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """See `TrialScheduler`."""
        key = self._key(trial)
        self._put(key, self._reported(key, result), Stage.COMPLETE)

    def on_trial_error(self, trial: Trial) -> None:
        """See `TrialScheduler`."""
        key = self._key(trial)
        self._put(key, self._runs[key], Stage.FAILED)

    def metric_names(self) -> list[str]:
        """Of the one metric."""
        return [self._metric]

    def metric_mode(self) -> str:
        """Of the task."""
        return "max" if self._search.task.metric.maximize else "min"

    def metadata(self) -> dict[str, Any]:
        """See `TrialScheduler`."""
        names = {"scheduler_name": type(self).__name__, "task": self._search.task.id}
        return {**names, "metric_names": self.metric_names(), "metric_mode": self.metric_mode()}

    def _key(self, trial: Trial) -> str:
        values = {name: value for name, value in trial.config.items() if name not in self._constants}
        return Configuration(values).key

    def _reported(self, key: str, result: Mapping[str, Any]) -> OutsideRun:
        if lacking := [name for name in (self._metric, self._time_attr) if name not in result]:
            message = (
                f"a trial reported {', '.join(result)}, without {' and '.join(lacking)}; report these after each slice"
            )
            raise ConfigurationError(message)
        self._put(key, self._runs[key].reported(int(result[self._time_attr]), float(result[self._metric])))
        return self._runs[key]

    def _put(self, key: str, run: OutsideRun, stage: Stage | None = None) -> None:
        """Keep a run, as the last one."""
        self._runs.pop(key, None)
        self._runs[key] = replace(run, stage=stage or run.stage)
