"""SMAC3: the multi-fidelity facade (random forest and Hyperband) and the one for hyperparameters, over ConfigSpace.

A bracket waits for exactly the configurations that were proposed to it, so they are snapped before: by a
`ConfigSelector` around its own. Budgets of 8/3 slices are rounded up.
"""

from __future__ import annotations

import logging
import math
import tempfile
from pathlib import Path

from ConfigSpace import Configuration, ConfigurationSpace
from serving import Result, Start, plain, proposal, serve, worst
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario
from smac.main.config_selector import ConfigSelector
from smac.runhistory import StatusType, TrialValue

FACADES = {"multi-fidelity": MultiFidelityFacade, "hyperparameter": HyperparameterOptimizationFacade}


class Snapping(ConfigSelector):
    """Selects what was recorded; the default first, which an initial design would have last."""

    def __init__(self, *arguments: object, start: Start, space: ConfigurationSpace, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._start, self._space = start, space
        self._taken: list = []

    def __iter__(self):
        if self._start.default:
            self._taken.append(self._start.default)
            yield Configuration(self._space, values=self._start.default)
        for config in super().__iter__():
            nearest = self._start.nearest(values_of(config), self._taken)
            if nearest is None:
                return
            self._taken.append(nearest)
            yield Configuration(self._space, values=nearest, origin=config.origin)


class Smac:
    def __init__(self, start: Start) -> None:
        self._start = start
        space = ConfigurationSpace.from_serialized_dict(start.configspace)
        self._folder = tempfile.TemporaryDirectory()
        facade = FACADES[start.settings["facade"]]
        self._partial = facade is MultiFidelityFacade
        scenario = Scenario(
            space,
            n_trials=start.settings["trials"],
            seed=start.seed,
            deterministic=True,
            output_directory=Path(self._folder.name),
            **({"min_budget": 1, "max_budget": start.slices} if self._partial else {}),
        )
        self._smac = facade(
            scenario,
            unused_partial if self._partial else unused,
            config_selector=Snapping(scenario, start=start, space=space, retrain_after=1),
            logging_level=logging.WARNING,
            overwrite=True,
        )
        self._losses: list = []

    def ask(self) -> dict | None:
        try:
            self._info = self._smac.ask()
        except StopIteration:
            return None
        values = values_of(self._info.config)
        fidelity = math.ceil(self._info.budget) if self._partial else self._start.slices
        return proposal(sorted(values.items()), values, fidelity)

    def tell(self, result: Result) -> None:
        loss = result.loss if result.ok else worst(self._losses)
        self._losses.append(loss)
        status = StatusType.SUCCESS if result.ok else StatusType.CRASHED
        self._smac.tell(self._info, TrialValue(cost=loss, time=sum(result.seconds), status=status), save=False)


def unused(config: Configuration, seed: int) -> float:
    """SMAC looks at the arguments of the function that it is not going to call."""
    raise NotImplementedError


def unused_partial(config: Configuration, seed: int, budget: float) -> float:
    """The same for slices."""
    raise NotImplementedError


def values_of(config: Configuration) -> dict:
    return {name: plain(value) for name, value in dict(config).items()}


if __name__ == "__main__":
    serve(Smac, ["smac", "ConfigSpace"])
