"""BoTorch: a Gaussian process and LogEI, which is computed for every recorded configuration.

The process is that of mixed inputs where there are words. The space is flat; numbers are given by their places from 0
to 1, words by their number. The first configurations are random ones of the pool.
"""

from __future__ import annotations

import random
import warnings

import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, SingleTaskGP
from botorch.models.transforms import Standardize
from botorch.optim import optimize_acqf_discrete
from gpytorch.mlls import ExactMarginalLogLikelihood
from serving import Flat, Result, Start, proposal, serve, worst

warnings.filterwarnings("ignore")


class GaussianProcess:
    def __init__(self, start: Start) -> None:
        torch.manual_seed(start.seed)
        self._start, self._flat = start, Flat(start)
        self._words = [place for place, one in enumerate(self._flat.parameters) if one.kind == "choice"]
        first = [start.default] if start.default else []
        self._left = first + [one for one in start.pool if one not in first]
        self._first = len(first)
        self._random = random.Random(start.seed)
        self._rows: list = []
        self._losses: list = []

    def ask(self) -> dict | None:
        if not self._left:
            return None
        place = self._place()
        self._asked = self._left.pop(place)
        return proposal(len(self._losses), self._asked, self._start.slices)

    def tell(self, result: Result) -> None:
        self._rows.append(self._row(result.configuration))
        self._losses.append(result.loss if result.ok else worst(self._losses))

    def _place(self) -> int:
        """Among those that are left."""
        if len(self._losses) < self._first:
            return 0
        if len(self._losses) < self._start.settings["initial"]:
            return self._random.randrange(len(self._left))
        scores = -torch.tensor(self._losses, dtype=torch.float64)[:, None]
        rows, options = torch.tensor(self._rows, dtype=torch.float64), {"outcome_transform": Standardize(1)}
        model = (
            MixedSingleTaskGP(rows, scores, self._words, **options)
            if self._words
            else SingleTaskGP(rows, scores, **options)
        )
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        choices = torch.tensor([self._row(one) for one in self._left], dtype=torch.float64)
        best, _ = optimize_acqf_discrete(LogExpectedImprovement(model, scores.max()), q=1, choices=choices)
        return int((choices == best).all(dim=1).nonzero()[0, 0])

    def _row(self, values: dict) -> list:
        flat = self._flat.of(values)
        return [
            float(one.values.index(flat[one.name])) if one.kind == "choice" else one.place(flat[one.name])
            for one in self._flat.parameters
        ]


if __name__ == "__main__":
    serve(GaussianProcess, ["botorch", "gpytorch", "torch"])
