"""The in-context surrogate: nothing is refitted, everything seen of the new task counts.

Runs on other tasks are kept as a Gaussian process over configurations and tasks and as a forest, in two stages: before
the search has trained the reference configuration (the default, with which it begins) and after that. On the new task
all observed slices of all configurations are conditioned on, which is linear algebra of a few hundred numbers.

Sources: conditioning instead of refitting, FT-PFN (Rakotoarison et al., 2024) and ABLR (Perrone et al., 2018); a short
probe as a feature of the task, landmarking (Pfahringer et al., 2000); trees beside a Gaussian process, Deep Ranking
Ensembles (Khazi et al., 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from foretune.metadata.common import relative_to_width
from foretune.space import Encoder
from foretune.surrogate.inputs import (
    check_slices,
    encode,
    feature_vector,
    gain,
    progress_block,
    score_of_gain,
    zero_shot_score,
)
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.meta_features import read_task
from foretune.surrogate.protocol import Observed, Predictor
from foretune.surrogate.stage import Stage, StageOnTask
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9


@dataclass(frozen=True)
class InContextSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`.

    Attributes:
        encoder: of configurations.
        feature_names: meta-features, in order.
        reference: configuration, relative to the width of the base model, whose curve tells most about a task.
        slices: of a complete run.
        before: stage until the reference run is complete.
        after: stage from then on.
    """

    encoder: Encoder
    feature_names: tuple[str, ...]
    reference: Configuration
    slices: int
    before: Stage
    after: Stage

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.feature_names, self.before.features.center.tolist(), strict=True))

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """See `PerformanceSurrogate.on`."""
        check_slices(task, self.slices)
        rows = configuration_rows(self.encoder, task, candidates)
        return _OnTask(self, task, tuple(candidates), rows, feature_vector(task, self.feature_names))

    def is_reference(self, task: Task, configuration: Configuration) -> bool:
        """Whether this is the reference configuration at the width of the task's base model."""
        return relative_to_width(configuration, read_task(task).hidden_size) == self.reference


@dataclass(frozen=True)
class _OnTask:
    surrogate: InContextSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    rows: np.ndarray
    features: np.ndarray

    def __call__(self, observed: Observed) -> Prediction:
        places = {one.key: place for place, one in enumerate(self.candidates)}
        seen = {places[key]: self._gains(curve) for key, curve in observed.items() if key in places and len(curve)}
        stage = self._stage(observed)
        mean, std = stage.curves.given({place: stage.values(gains) for place, gains in seen.items()})
        scores = score_of_gain((stage.center + stage.scale * mean).ravel(), self._zero_shot).reshape(mean.shape)
        # To first order a gain that is off by d moves the loss by d times itself.
        spread = np.maximum(std * stage.scale * np.abs(scores), _CERTAIN)
        for place in seen:
            curve = observed[self.candidates[place].key]
            scores[place, : len(curve)], spread[place, : len(curve)] = curve.scores, _CERTAIN
        return Prediction(scores, spread)

    def _stage(self, observed: Observed) -> StageOnTask:
        curve = observed.get(self._reference, LearningCurve()) if self._reference else LearningCurve()
        if len(curve) < self.surrogate.slices:
            return self._before
        key = curve.scores.tobytes()
        if key not in self._after:
            gains = self._gains(curve)
            self._after[key] = self.surrogate.after.on(self.rows, landmarks(gains), float(gains.max()))
        return self._after[key]

    @cached_property
    def _before(self) -> StageOnTask:
        return self.surrogate.before.on(self.rows, self.features, None)

    @cached_property
    def _after(self) -> dict[bytes, StageOnTask]:
        """By the scores of the reference run, which hardly ever are more than one."""
        return {}

    @cached_property
    def _zero_shot(self) -> float:
        return zero_shot_score(self.task)

    @cached_property
    def _reference(self) -> str | None:
        """Key of the reference configuration, if it is in the pool."""
        found = (one for one in self.candidates if self.surrogate.is_reference(self.task, one))
        return next((one.key for one in found), None)

    def _gains(self, curve: LearningCurve) -> Float[np.ndarray, " t"]:
        return gain(curve.scores, self._zero_shot)


def configuration_rows(
    encoder: Encoder, task: Task, configurations: Sequence[Configuration]
) -> Float[np.ndarray, "n D"]:
    """Encoded configurations and what they amount to on the task by the end of a run."""
    where, last = np.arange(len(configurations)), np.full(len(configurations), task.max_fidelity)
    return np.hstack([encode(encoder, task, configurations), progress_block(task, configurations, where, last)])
