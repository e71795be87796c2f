"""The in-context surrogate: nothing is refitted, everything seen of the new task counts.

What is kept of earlier tasks are their curves (`foretune.surrogate.scenarios`) and what tells which of them a new task
is like (`foretune.surrogate.similarity`): its meta-features, and, once the search has trained the reference
configuration (the default, with which it begins), the landmarks of its curve. On the new task the earlier ones are
blended by these weights, and all observed slices of all configurations are conditioned on
(`foretune.surrogate.blend`).

Gains on the new task are g = center + scale (y - y_reference) with the peak of the reference run as center; before it
is known, the best gain that is predicted from the meta-features is the center of y, with what that prediction misses on
earlier tasks as one more unknown. The scale is one of a few readings around the weighted mean of those of earlier
tasks, which what was seen then speaks for or against.

Sources: conditioning instead of refitting, FT-PFN (Rakotoarison et al., 2024); earlier tasks weighed by what is seen
of the new one, RGPE (Feurer et al., 2018); a short probe as a feature of the task, landmarking (Pfahringer et al.,
2000).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from foretune.metadata.common import relative_to_width
from foretune.metadata.source import labels_of
from foretune.space import Encoder
from foretune.surrogate.inputs import LossLink, check_slices, encode, feature_vector, known_features, link_of, width_of
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.protocol import Observed, Outcomes, PredictsOutcomes
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import LEAST_VALUE, Interpolation, Scenarios
from foretune.surrogate.similarity import Labels, Similarity, differing_labels
from foretune.surrogate.units import Unit
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9
_LEAST_SHARE = 1e-4
"""Earlier tasks that weigh less than this share of the heaviest one are left out."""
_EVIDENCE = 0.2
"""How far a run may be from that of an earlier task, in the unit of values, before that task counts less."""
_OWN = 0.15
"""What a run has of its own if the new task is like an earlier one, likewise."""


@dataclass(frozen=True)
class InContextSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`.

    Attributes:
        encoder: of configurations.
        feature_names: meta-features, in order; none for tables that have none.
        reference: configuration, relative to the width of the base model, whose curve tells most about a task.
        slices: of a complete run.
        recorded: the C configurations, relative to width.
        labels: of the M earlier tasks.
        row_scaling: of encoded configurations.
        scenarios: M x C x T.
        similarity: of tasks.
        unit: of tasks.
    """

    kind: ClassVar[str] = "in-context"

    encoder: Encoder
    feature_names: tuple[str, ...]
    reference: Configuration
    slices: int
    recorded: tuple[Configuration, ...]
    labels: tuple[Labels, ...]
    row_scaling: Scaling
    scenarios: Scenarios
    similarity: Similarity
    unit: Unit

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.feature_names, self.similarity.feature_scaling.center.tolist(), strict=True))

    def on(self, task: Task, candidates: Sequence[Configuration]) -> PredictsOutcomes:
        """See `PerformanceSurrogate.on`."""
        check_slices(task, self.slices)
        rows = self.row_scaling(encode(self.encoder, task, candidates))
        width, places = width_of(task), {one: place for place, one in enumerate(self.recorded)}
        known = np.array([places.get(relative_to_width(one, width), -1) for one in candidates], dtype=np.intp)
        features = self._features(task)
        return _OnTask(self, task, tuple(candidates), self.scenarios.interpolation(rows, known), features)

    def _features(self, task: Task) -> Float[np.ndarray, " F"]:
        """Meta-features of the task; those that all earlier tasks have must be there."""
        columns = zip(self.feature_names, self.similarity.features.T, strict=True)
        feature_vector(task, [name for name, column in columns if not np.isnan(column).any()])
        return known_features(task, self.feature_names)

    def is_reference(self, task: Task, configuration: Configuration) -> bool:
        """Whether this is the reference configuration at the width of the task's base model."""
        return relative_to_width(configuration, width_of(task)) == self.reference


@dataclass(frozen=True)
class _OnTask:
    surrogate: InContextSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    pool: Interpolation
    features: np.ndarray

    def __call__(self, observed: Observed) -> Prediction:
        found = self.outcomes(observed)
        mean = np.tensordot(found.weights, found.gains, 1)
        variance = np.tensordot(found.weights, (found.gains - mean) ** 2, 1) + found.own**2
        link = link_of(self.task)
        scores = link.scores(mean)
        spread = np.maximum(np.sqrt(variance) * link.slopes(scores), _CERTAIN)
        for place, curve in self._curves(observed).items():
            scores[place, : len(curve)], spread[place, : len(curve)] = curve.scores, _CERTAIN
        return Prediction(scores, spread)

    def outcomes(self, observed: Observed) -> Outcomes:
        """See `PredictsOutcomes`."""
        gains = {place: link_of(self.task).gains(curve.scores) for place, curve in self._curves(observed).items()}
        anchor = self._anchor(gains)
        stage = self._stage(anchor, None if anchor is None else gains[anchor])
        logs = np.log(stage.weights)
        for place, seen in gains.items():
            if anchor is not None and place != anchor:
                values = np.maximum((seen - stage.center) / stage.scale, LEAST_VALUE)
                apart = stage.values[:, place, : len(seen)] - values
                logs = logs - 0.5 * (apart**2).mean(axis=1) / _EVIDENCE**2
        weights = np.exp(logs - logs.max())
        outcomes = stage.center + stage.scale * stage.values
        for place, seen in gains.items():  # a run goes on from where it stands, as it did on the earlier tasks
            outcomes[:, place] += (seen[-1] - outcomes[:, place, len(seen) - 1])[:, None]
            outcomes[:, place, : len(seen)] = seen
        return Outcomes(weights / weights.sum(), outcomes, stage.scale * _OWN)

    def _curves(self, observed: Observed) -> Mapping[int, LearningCurve]:
        """What was seen of candidates, by place."""
        return {self._places[key]: curve for key, curve in observed.items() if key in self._places and len(curve)}

    def _anchor(self, gains: Mapping[int, np.ndarray]) -> int | None:
        """Place of the run that others are compared with: the reference, if it is complete, else the first that is."""
        complete = [place for place, seen in gains.items() if len(seen) == self.surrogate.slices]
        return self._reference if self._reference in complete else next(iter(complete), None)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.key: place for place, one in enumerate(self.candidates)}

    @cached_property
    def _stages(self) -> dict[tuple[int | None, bytes], _Stage]:
        return {}

    def _stage(self, anchor: int | None, curve: Float[np.ndarray, " T"] | None) -> _Stage:
        key = anchor, b"" if curve is None else curve.tobytes()
        if key not in self._stages:
            self._stages[key] = self._make_stage(anchor, curve)
        return self._stages[key]

    @cached_property
    def _reference(self) -> int | None:
        """Place of the reference configuration, if it is in the pool."""
        places = (place for place, one in enumerate(self.candidates) if self.surrogate.is_reference(self.task, one))
        return next(places, None)

    @cached_property
    def _labels(self) -> Labels:
        return labels_of(self.task.id)

    @property
    def _unit(self) -> Unit:
        """Gains of tasks whose loss before training nobody knew are of another unit than losses relative to it."""
        known = "zero_shot_nll" in self.surrogate.feature_names or not isinstance(link_of(self.task), LossLink)
        return self.surrogate.unit if known else self.surrogate.unit.in_another_unit

    def _make_stage(self, anchor: int | None, curve: Float[np.ndarray, " T"] | None) -> _Stage:
        """What is known before (None) or after the curve of the anchor."""
        whole, unit = self.surrogate, self._unit
        told = None if curve is None or anchor != self._reference else landmarks(curve)
        weights = whole.similarity.weights(self.features, told, differing_labels(self._labels, whole.labels))
        tasks = np.flatnonzero(weights >= _LEAST_SHARE * weights.max())
        weights = weights[tasks] / weights[tasks].sum()
        values = self.pool.values(tasks)
        scale = float(np.exp(unit.log_scale(tasks, weights)[0]))
        if curve is None or anchor is None:
            return _Stage(weights, values, unit.best(self.features), scale)
        return _Stage(weights, values - values[:, anchor].max(axis=1)[:, None, None], float(curve.max()), scale)


@dataclass(frozen=True)
class _Stage:
    """The pool before anything but the anchor is seen.

    Attributes:
        weights: (m,) probabilities of the earlier tasks.
        values: (m, N, T) of the pool on each.
        center: gain that is 0 there.
        scale: gain that is 1 there, from center.
    """

    weights: np.ndarray
    values: np.ndarray
    center: float
    scale: float
