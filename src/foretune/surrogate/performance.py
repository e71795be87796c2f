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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from foretune.surrogate.inputs import Inputs, check_fidelities, gain, score_of_gain, zero_shot_score
from foretune.surrogate.posterior import Network, SparsePosterior
from foretune.types import Configuration, LearningCurve, Prediction, Task


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

    def predict(
        self,
        task: Task,
        configurations: Sequence[Configuration],
        curves: Sequence[LearningCurve],
        fidelities: np.ndarray,
    ) -> Prediction:
        """Scores (N,), see `PerformanceSurrogate.predict`."""
        check_fidelities(task, curves, fidelities)
        zero_shot = zero_shot_score(task)
        gains = [gain(curve.scores, zero_shot) for curve in curves]
        before = np.array([gains_[-1] if len(gains_) else 0.0 for gains_ in gains])
        seen = np.array([len(curve) for curve in curves], dtype=np.intp)
        mean, std = self.predict_gain(
            task, self.inputs(task, configurations, gains, fidelities), before, seen, fidelities
        )
        middle = score_of_gain(mean, zero_shot)
        # To first order a gain that is off by d moves the loss by d times itself, in either branch of `gain` near 0.
        return Prediction(middle, np.maximum(std * np.abs(middle), 1e-9))

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
