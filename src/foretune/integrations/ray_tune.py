"""What foretune has learned, for Ray Tune: a searcher that asks `transfer-in-context`.

    searcher = TransferSearcher(search_of_data("questions.jsonl", model="foretune-tiny"))
    tune.Tuner(train, tune_config=tune.TuneConfig(search_alg=searcher, num_samples=20)).fit()

A trial of Ray Tune is a run of one configuration, whose results are the slices. The searcher saves how all runs stand,
so that `tune.Tuner.restore` goes on where an experiment stopped.
"""

# Ray need not be installed.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray.tune.result import TRAINING_ITERATION
from ray.tune.search import Searcher
from ray.tune.search.variant_generator import parse_spec_vars

from foretune.errors import ConfigurationError
from foretune.integrations.asking import OutsideRun, check_direction, known_values, next_configuration, of_pool
from foretune.integrations.following import Stage
from foretune.optimizer import Search
from foretune.space.vocabulary import HYPERPARAMETERS
from foretune.types import Configuration

_SCHEMA = 1


class TransferSearcher(Searcher):
    """Suggests the configuration that foretune would train next on this task.

    Args:
        search: the task, the pool to choose from, and the surrogates; `foretune.integrations.asking` makes it.
        metric: that the trials report; by default the name of the task's metric.

    Raises:
        ConfigurationError: if Ray Tune is to optimize in the other direction, or to choose hyperparameters itself.
    """

    CKPT_FILE_TMPL = "searcher-state-{}.json"

    def __init__(self, search: Search, *, metric: str | None = None) -> None:
        super().__init__(metric or search.task.metric.name, "max" if search.task.metric.maximize else "min")
        self._search = search
        self._runs: dict[str, OutsideRun] = {}

    def set_search_properties(self, metric: str | None, mode: str | None, config: Mapping[str, Any], **_: Any) -> bool:
        """See `Searcher`; the configurations of a search are its own."""
        _, domains, grids = parse_spec_vars(dict(config))
        chosen = {str(path[0]) for path, _ in (*domains, *grids)} | (config.keys() & HYPERPARAMETERS)
        if chosen:
            message = (
                f"param_space has {', '.join(sorted(chosen))}, expected constants that are no hyperparameters; leave "
                "these out, for foretune chooses from its own search space"
            )
            raise ConfigurationError(message)
        check_direction(self._search.task, "mode", mode or self._mode, ("min", "max"))
        self._metric = metric or self._metric
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """See `Searcher`; it has finished once the whole pool is trained."""
        chosen = next_configuration(self._search, self._runs.values())
        if chosen is None:
            return Searcher.FINISHED
        self._runs[trial_id] = OutsideRun(chosen)
        return dict(chosen.values)

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """See `Searcher`."""
        if (run := self._runs.pop(trial_id, None) or self._restarted(result)) is None:
            return
        if self._metric in result:
            run = run.reported(int(result[TRAINING_ITERATION]), float(result[self._metric]))
        self._runs[trial_id] = run

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """See `Searcher`; a trial that a scheduler or a stopper ends before its last slice is not complete.

        A trial that ends by itself tells its last result twice, see `TuneController`.
        """
        before = self._runs.get(trial_id)
        if result:
            self.on_trial_result(trial_id, result)
        if (run := self._runs.get(trial_id)) is None:
            return
        is_told_twice = before is not None and run.values.keys() == before.values.keys()
        is_whole = is_told_twice or len(run.values) == self._search.task.max_fidelity
        ended = bool(run.values) and is_whole and not error
        self._runs[trial_id] = replace(run, stage=Stage.COMPLETE if ended else Stage.FAILED)

    def _restarted(self, result: Mapping[str, Any]) -> OutsideRun | None:
        """Of a trial that was not suggested under this name: a failed trial that is restarted gets another."""
        values = known_values({name: result.get(f"config/{name}") for name in HYPERPARAMETERS})
        return OutsideRun(of_pool(self._search, values)) if values else None

    def save(self, checkpoint_path: str) -> None:
        """See `Searcher`."""
        runs = {
            name: {"configuration": dict(run.configuration.values), "values": [*run.values.items()], "stage": run.stage}
            for name, run in self._runs.items()
        }
        Path(checkpoint_path).write_text(json.dumps({"schema": _SCHEMA, "runs": runs}), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """See `Searcher`."""
        saved = json.loads(Path(checkpoint_path).read_text(encoding="utf-8"))
        if saved.get("schema") != _SCHEMA:
            message = f"{checkpoint_path} has schema {saved.get('schema')}, expected {_SCHEMA}; update foretune"
            raise ConfigurationError(message)
        self._runs = {
            name: OutsideRun(Configuration(run["configuration"]), dict(run["values"]), Stage(run["stage"]))
            for name, run in saved["runs"].items()
        }
