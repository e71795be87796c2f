"""NePS: PriorBand, over a flat space whose prior is the default of every hyperparameter; and ifBO, which needs weights.

Where another configuration was trained than the one that it sampled, that becomes the configuration of the trial.
"""

from __future__ import annotations

import logging
import random

import neps
import numpy as np
import torch
from serving import Flat, Parameter, Result, Start, proposal, serve

logging.disable(logging.WARNING)
SLICES = "slices"


class Bands:
    def __init__(self, start: Start) -> None:
        random.seed(start.seed)
        np.random.seed(start.seed)
        torch.manual_seed(start.seed)
        self._start, self._flat = start, Flat(start)
        parts = {one.name: part(one) for one in self._flat.parameters}
        parts[SLICES] = neps.IntegerFidelity(lower=1, upper=start.slices)
        space = type("Space", (neps.PipelineSpace,), parts)()
        made = getattr(neps.algorithms, start.settings["algorithm"])
        options = {"sample_prior_first": True} if start.default else {}
        self._search = neps.AskAndTell(made(space, **options))

    def ask(self) -> dict:
        self._trial = self._search.ask()
        values = {name: value for name, value in self._trial.config.items() if name != SLICES}
        run = self._trial.metadata.id.rpartition("_")[0]
        return proposal(run, self._flat.decoded(values), int(self._trial.config[SLICES]))

    def tell(self, result: Result) -> None:
        trained = self._flat.encoded(result.configuration)
        self._trial.config = {**trained, SLICES: self._trial.config[SLICES]}
        if result.ok:
            self._search.tell(self._trial, {"objective_to_minimize": result.loss, "cost": sum(result.seconds)})
        else:
            self._search.tell(self._trial, RuntimeError("the run ended badly"))


def part(one: Parameter) -> object:
    """Of the space; the prior of a choice is its place."""
    if one.kind == "choice":
        return neps.Categorical(
            choices=tuple(one.values), prior=one.values.index(one.default), prior_confidence="medium"
        )
    if one.kind == "ordered":
        place = one.values.index(one.default)
        return neps.Integer(0, len(one.values) - 1, prior=place, prior_confidence="medium")
    kind = neps.Integer if one.kind == "integer" else neps.Float
    return kind(one.low, one.high, log=one.log, prior=one.default, prior_confidence="medium")


if __name__ == "__main__":
    serve(Bands, ["neural-pipeline-search", "ifBO"])
