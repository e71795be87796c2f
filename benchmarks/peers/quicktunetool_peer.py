"""quicktunetool 0.0.4, as released with and without refit, and repaired.

The pool is its candidates, in an order drawn by the seed, the default first. Scores must be from 0 to 1: exp(-loss),
the geometric mean probability of a token. A learning rate is given as a multiple of the least of its space, so that
base models of every width can be learned from. The predictors are fitted once for each part of the earlier tasks.

For all: torchvision's missing operators are declared before the import; data loaders run without worker processes,
which is the same work in less time. Refit begins with the second observation; from none, its default, it fails.

Repaired: the learning rate is a logarithm; all one-hot columns are read (the release reads as many as there are words);
predicted costs are returned to seconds; a search goes on until all runs are complete, not until each has begun.
"""

from __future__ import annotations

import contextlib
import copy
import math
import random
import tempfile

import numpy as np
import pandas as pd
import torch

OPERATORS = torch.library.Library("torchvision", "FRAGMENT")  # what it declares goes with it
for name in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):  # it is there
        OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from qtt.optimizers.quick import QuickOptimizer
from qtt.predictors import CostPredictor, PerfPredictor, perf
from qtt.predictors.cost import SimpleMLPRegressor
from serving import Flat, Result, Start, proposal, serve

FITTED: dict = {}


class WithoutWorkers(torch.utils.data.DataLoader):
    """A data loader in this process."""

    def __init__(self, *arguments: object, num_workers: int = 0, **options: object) -> None:
        del num_workers
        super().__init__(*arguments, **options)


perf.DataLoader = WithoutWorkers


def widths(predictor: object) -> list:
    """How many columns there are of numbers, and of everything else after one-hot encoding."""
    mapping = getattr(predictor, "feature_mapping", None) or predictor._feature_mapping
    numbers = predictor.types_of_features["continuous"]
    return [len(numbers), sum(len(places) for name, places in mapping.items() if name not in numbers)]


class RepairedPerformance(PerfPredictor):
    def _get_model(self):
        return perf.SurrogateModel(in_dim=widths(self), in_curve_dim=self._curve_dim)


class RepairedCost(CostPredictor):
    def _get_model(self):
        return SimpleMLPRegressor(in_dim=widths(self), enc_out_dim=16, enc_nlayers=3, enc_hidden_dim=128)

    def _predict(self, **inputs: object) -> np.ndarray:
        standardized = np.atleast_1d(super()._predict(**inputs))
        seconds = self.label_scaler.inverse_transform(standardized[:, None])[:, 0]
        return np.maximum(seconds, self.least)

    def _fit(self, X, y, **options: object):  # noqa: N803
        self.least = float(np.min(y))
        return super()._fit(X, y, **options)


class RepairedOptimizer(QuickOptimizer):
    def _check_is_finished(self) -> bool:
        return not set(range(self.N)) - self.failed - self.stoped


class QuickTune:
    def __init__(self, start: Start) -> None:
        self._start, self._flat = start, Flat(start)
        self._repaired = bool(start.settings.get("repaired"))
        self._folder = tempfile.TemporaryDirectory()
        performance, cost = copy.deepcopy(self._fitted())
        optimizer = RepairedOptimizer if self._repaired else QuickOptimizer
        self._optimizer = optimizer(
            None,
            start.slices,
            performance,
            cost,
            cost_aware=True,
            refit=bool(start.settings.get("refit")),
            refit_init_steps=2,
            path=self._folder.name,
            seed=start.seed,
            verbosity=0,
        )
        self._optimizer.reset_path(self._folder.name)
        first = [start.default] if start.default else []
        others = [one for one in start.pool if one not in first]
        random.Random(start.seed).shuffle(others)
        self._pool = first + others
        self._optimizer.setup_pandas(self._frame(self._pool), self._features(start.features))

    def ask(self) -> dict | None:
        self._optimizer.ante()
        self._asked = self._optimizer.ask()
        if self._asked is None:
            return None
        index = int(self._asked["config-id"])
        return proposal(index, self._pool[index], int(self._asked["fidelity"]))

    def tell(self, result: Result) -> None:
        told = {"status": result.ok, "score": math.exp(-result.loss) if result.ok else 0.0, "cost": sum(result.seconds)}
        self._optimizer.tell({**self._asked, **told})

    def _fitted(self) -> tuple:
        """Predictors that have learned from the earlier tasks."""
        key = self._start.cache
        if key not in FITTED:
            frames, curves, costs = [], [], []
            for task in self._start.earlier:
                features = self._features(task["features"])
                runs = task["runs"]
                frames.append(self._frame([run["configuration"] for run in runs]).assign(**features))
                curves += [np.exp(-np.array(run["losses"])) for run in runs]
                costs += [float(np.mean(run["seconds"])) for run in runs]
            frame = pd.concat(frames, ignore_index=True)
            kinds = (RepairedPerformance, RepairedCost) if self._repaired else (PerfPredictor, CostPredictor)
            performance, cost = (kind(path=self._folder.name, seed=0, verbosity=0) for kind in kinds)
            performance.fit(frame.copy(), np.array(curves))  # it drops columns of the frame that it is given
            cost.fit(frame.copy(), np.array(costs)[:, None])
            FITTED[key] = performance, cost
        return FITTED[key]

    def _features(self, features: dict) -> dict:
        """Those that all tasks have."""
        common = set(features).intersection(*(task["features"] for task in self._start.earlier))
        return {name: features[name] for name in sorted(common)}

    def _frame(self, configurations: list) -> pd.DataFrame:
        frame = pd.DataFrame([self._flat.of(one) for one in configurations])
        for name, variants in self._flat.variants.items():
            given = [next(value for key, value in one.items() if key.startswith(name)) for one in configurations]
            ratios = np.array(given) / min(one.low for one in variants)
            frame[name] = np.log(ratios) if self._repaired else ratios
        words = [one.name for one in self._flat.parameters if one.kind == "choice"]
        return frame.astype(dict.fromkeys(words, object))


if __name__ == "__main__":
    serve(QuickTune, ["quicktunetool", "torch"])
