"""The performance surrogate: gains predicted by a small ensemble of deep-kernel Gaussian processes, as scores.

Symbols (an array's shape is in brackets):

    n         questions: a configuration after some slice
    s, f      slices seen of it, slices asked about; f > s; T = 8 slices of a complete run
    g_s, g_f  gain after so many slices; g_0 = 0 is the untrained model
    X         (n, D) rows, see `foretune.paper.inputs`
    y         (n,) what the Gaussian processes learn: what a run still adds, in the unit of its (s, f)

        y = ((g_f - g_s) / scale(task) - mean[s, f]) / std[s, f]

mean and std are taken over all training examples of that (s, f). So one noise level serves both "first guess of a final
score" and "one slice ahead of a curve that is nearly done". scale(task) is how far the gains of a task's runs spread,
which a ridge regression predicts from the meta-features: it keeps tasks on which everything varies a lot from being all
that is learned.

On a new task the members' means and variances are mixed, the standard deviation is multiplied by the factor that was
missing on held-out tasks (`inflation[s, f]`), and everything is turned back into scores by the zero-shot loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from foretune.paper.examples import Examples
from foretune.paper.inputs import Inputs
from foretune.paper.posterior import Network, SparsePosterior
from foretune.surrogate.gains import gain_scale
from foretune.surrogate.inputs import SLICES, check_slices, encode, feature_vector, zero_shot_score
from foretune.surrogate.protocol import Observed, Predictor
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9
_CLIP = 5.0


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

    def scaled_change(self, examples: Examples, inputs: Inputs) -> Float[np.ndarray, " e"]:
        """(g_f - g_s) / scale(task) of each example."""
        features = np.array([inputs.meta_features(task) for task in examples.tasks])
        return (examples.after - examples.before) / self.scale(features)[examples.task]

    def standardize(self, examples: Examples, inputs: Inputs) -> Float[np.ndarray, " e"]:
        """y of each example, clipped so that single failures do not rule."""
        at = examples.seen, examples.fidelity
        return np.clip((self.scaled_change(examples, inputs) - self.mean[at]) / self.std[at], -_CLIP, _CLIP)


@dataclass(frozen=True)
class Member:
    """One Gaussian process of the ensemble."""

    network: Network
    posterior: SparsePosterior


@dataclass(frozen=True)
class DeepKernelSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`."""

    kind: ClassVar[str] = "deep-kernel"

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
        zero_shot_score(task)  # says what the task lacks
        scale, seen = gain_scale(task), np.array([len(curve) for curve in curves], dtype=np.intp)
        coming = np.arange(SLICES) >= seen[:, None]  # (n, T)
        which, slices = np.nonzero(coming)  # a question for every slice to come, candidate by candidate
        gains = [scale.gains(curve.scores) for curve in curves]
        before = np.array([curve[-1] if len(curve) else 0.0 for curve in gains])
        pool, known = [candidates[at] for at in which.tolist()], [gains[at] for at in which.tolist()]
        rows = self.inputs(task, pool, known, slices + 1)
        mean, std = self.predict_gain(task, rows, before[which], seen[which], slices + 1)
        means = np.array([np.append(curve.scores, np.zeros(SLICES - len(curve))) for curve in curves])
        stds = np.full(means.shape, _CERTAIN)
        means[coming] = scale.scores(mean)
        stds[coming] = np.maximum(std * scale.slopes(means[coming]), _CERTAIN)
        return means, stds

    def predict_gain(
        self,
        task: Task,
        rows: Float[np.ndarray, "n D"],
        before: Float[np.ndarray, " n"],
        seen: Int[np.ndarray, " n"],
        fidelities: Int[np.ndarray, " n"],
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Mean and standard deviation of g_f.

        Args:
            task: that all questions are about.
            rows: X, standardized.
            before: g_s.
            seen: s.
            fidelities: f.
        """
        predicted = [member.posterior.predict(member.network(rows)) for member in self.members]
        means, variances = (np.array(values) for values in zip(*predicted, strict=True))  # (members, n) each
        # A mixture of normal distributions: the mean variance, and how far the members are apart.
        std = np.sqrt(np.mean(variances, axis=0) + means.var(0))
        at, scale = (seen, fidelities), self.targets.scale(self.inputs.meta_features(task)[None, :])[0]
        unit = scale * self.targets.std[at]
        # From y back to gains: g_f = g_s + scale (mean[s, f] + std[s, f] y).
        gain = before + scale * self.targets.mean[at] + unit * means.mean(0)
        return gain, unit * std * self.targets.inflation[at]


_Row = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Remembered:
    """Predictions depend on a candidate and its curve alone, so only what has changed is predicted anew."""

    surrogate: DeepKernelSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    known: dict[tuple[str, LearningCurve], _Row] = field(default_factory=dict[tuple[str, LearningCurve], _Row])

    def __call__(self, observed: Observed) -> Prediction:
        keys = [(one.key, observed.get(one.key, LearningCurve())) for one in self.candidates]
        new = [index for index, key in enumerate(keys) if key not in self.known]
        if new:
            pool, curves = [self.candidates[index] for index in new], [keys[index][1] for index in new]
            rows = zip(*self.surrogate.predict(self.task, pool, curves), strict=True)
            self.known.update(zip((keys[index] for index in new), rows, strict=True))
        found = [self.known[key] for key in keys]
        return Prediction(np.array([mean for mean, _ in found]), np.array([std for _, std in found]))
