"""The performance surrogate at prediction time: gains by a small ensemble of deep-kernel Gaussian processes, as scores.

What the Gaussian processes learn is not the gain itself but what a run still adds to it, in the unit of its (s, f)
pair:

    y = ((g_f - g_s) / scale(task) - mean[s, f]) / std[s, f],     g_0 = 0,

with s slices seen, f asked, and mean and std taken over all training examples of that pair. So one noise level serves
both "first guess of a final score" and "one slice ahead of a curve that is nearly done". `scale(task)` is how far the
gains of a task's runs spread, which a ridge regression predicts from the meta-features: it keeps tasks on which
everything varies a lot from being all that is learned. On a new task the mean and variance of the members are mixed,
the variance is multiplied by what held-out tasks showed to be missing (`inflation[s, f]`), and everything is turned
back into scores by the zero-shot loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.inputs import (
    SLICES,
    Inputs,
    check_slices,
    encode,
    feature_vector,
    gain,
    score_of_gain,
    zero_shot_score,
)
from foretune.surrogate.posterior import Network, SparsePosterior
from foretune.surrogate.protocol import Observed, Predictor
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9


@dataclass(frozen=True)
class Targets:
    """The unit that the Gaussian processes learn in.

    Attributes:
        mean: (9, 9) by slices seen and slices asked.
        std: (9, 9) likewise, > 0.
        inflation: (9, 9) factor on the predicted standard deviation.
        scale_weights: (F,) of the standardized meta-features in log scale(task).
        scale_intercept: of log scale(task).
    """

    mean: np.ndarray
    std: np.ndarray
    inflation: np.ndarray
    scale_weights: np.ndarray
    scale_intercept: float

    def scale(self, features: Float[np.ndarray, "n F"]) -> Float[np.ndarray, " n"]:
        """scale(task) from standardized meta-features."""
        return np.exp(features @ self.scale_weights + self.scale_intercept)


@dataclass(frozen=True)
class Member:
    """One Gaussian process of the ensemble."""

    network: Network
    posterior: SparsePosterior

    def predict(self, rows: Float[np.ndarray, "n D"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Mean and variance in the unit of `Targets`."""
        return self.posterior.predict(self.network(rows))


@dataclass(frozen=True)
class DeepKernelSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`."""

    inputs: Inputs
    targets: Targets
    members: tuple[Member, ...]

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.inputs.feature_names, self.inputs.center[self.inputs.features].tolist(), strict=True))

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        """See `PerformanceSurrogate`; the network knows all alike."""
        return ()

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """See `PerformanceSurrogate.on`; a candidate is judged by its own curve alone."""
        check_slices(task)
        encode(self.inputs.encoder, task, candidates)
        feature_vector(task, self.inputs.feature_names)
        return _Remembered(self, task, tuple(candidates))

    def predict(
        self, task: Task, candidates: Sequence[Configuration], curves: Sequence[LearningCurve]
    ) -> tuple[Float[np.ndarray, "n T"], Float[np.ndarray, "n T"]]:
        """Mean and standard deviation of scores; of slices that were seen, these and 1e-9."""
        zero_shot = zero_shot_score(task)
        counts = [SLICES - len(curve) for curve in curves]
        repeated = [curve for curve, count in zip(curves, counts, strict=True) for _ in range(count)]
        gains = [gain(curve.scores, zero_shot) for curve in repeated]
        before = np.array([one[-1] if len(one) else 0.0 for one in gains])
        seen = np.array([len(curve) for curve in repeated], dtype=np.intp)
        fidelities = np.concatenate([np.arange(len(curve) + 1, SLICES + 1) for curve in curves])
        named = [one for one, count in zip(candidates, counts, strict=True) for _ in range(count)]
        rows = self.inputs(task, named, gains, fidelities)
        mean, std = self.predict_gain(task, rows, before, seen, fidelities)
        coming = np.arange(SLICES)[None, :] >= np.array([len(curve) for curve in curves])[:, None]
        means = np.array([np.append(curve.scores, np.zeros(SLICES - len(curve))) for curve in curves])
        stds = np.full(means.shape, _CERTAIN)
        means[coming] = score_of_gain(mean, zero_shot)
        # To first order a gain that is off by d moves the loss by d times itself, in either branch of `gain` near 0.
        stds[coming] = np.maximum(std * np.abs(means[coming]), _CERTAIN)
        return means, stds

    def predict_gain(
        self,
        task: Task,
        rows: Float[np.ndarray, "n D"],
        before: Float[np.ndarray, " n"],
        seen: Int[np.ndarray, " n"],
        fidelities: Int[np.ndarray, " n"],
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Mean and standard deviation of gains, from standardized rows."""
        parts = [member.predict(rows) for member in self.members]
        means = np.array([mean for mean, _ in parts])
        mean = means.mean(0)
        variance = np.mean([variance for _, variance in parts], axis=0) + means.var(0)
        scale = self.targets.scale(self.inputs.meta_features(task)[None, :])[0]
        at = seen, np.asarray(fidelities, dtype=np.intp)
        unit = scale * self.targets.std[at]
        return before + scale * self.targets.mean[at] + unit * mean, unit * np.sqrt(variance) * self.targets.inflation[
            at
        ]


@dataclass(frozen=True)
class _Remembered:
    """Predictions depend on a candidate and its curve alone, so only what has changed is predicted anew."""

    surrogate: DeepKernelSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    known: dict[tuple[str, LearningCurve], tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict[tuple[str, LearningCurve], tuple[np.ndarray, np.ndarray]]
    )

    def __call__(self, observed: Observed) -> Prediction:
        keys = [(one.key, observed.get(one.key, LearningCurve())) for one in self.candidates]
        new = [index for index, key in enumerate(keys) if key not in self.known]
        if new:
            parts = self.surrogate.predict(
                self.task, [self.candidates[index] for index in new], [keys[index][1] for index in new]
            )
            self.known.update(zip((keys[index] for index in new), zip(*parts, strict=True), strict=True))
        found = [self.known[key] for key in keys]
        return Prediction(np.array([mean for mean, _ in found]), np.array([std for _, std in found]))
