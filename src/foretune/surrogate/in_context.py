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
from jaxtyping import Float, Int

from foretune.metadata.common import relative_to_width
from foretune.metadata.source import labels_of
from foretune.space import Encoder
from foretune.surrogate.blend import Blend
from foretune.surrogate.inputs import LossLink, check_slices, encode, feature_vector, known_features, link_of, width_of
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.mixture import Mixture
from foretune.surrogate.protocol import Cases, Observed, Predictor
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import LEAST_VALUE, ConfigurationKernel, Interpolation, Scenarios
from foretune.surrogate.similarity import Labels, Similarity, differing_labels
from foretune.surrogate.units import Unit
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9
_LEAST_SHARE = 0.01
"""Earlier tasks that weigh less than this share of the heaviest one are left out."""
_NEAR = 0.25
"""Share of the typical distance within which configurations are nearly equal."""
_SLICES = 8
"""A run of more slices than this tells no more than one of so many."""
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


@dataclass(frozen=True)
class Deviations:
    """How far the new task may be from a blend of earlier ones, as standard deviations in the unit of values.

    Attributes:
        own: of what like configurations have in common.
        run: of what only nearly equal configurations have in common.
        seed: of what each run has for itself.
        slope: of how much late slices of all runs differ from what is known of early ones.
        piece: of what each slice has for itself.
    """

    own: float = 0.25
    run: float = 0.3
    seed: float = 0.05
    slope: float = 0.1
    piece: float = 0.1


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
        deviations: of new tasks.
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
    deviations: Deviations

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.feature_names, self.similarity.feature_scaling.center.tolist(), strict=True))

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
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
        stage, link = self._stage(observed), link_of(self.task)
        mean, std = stage.given(self._gains(observed, stage))
        scores = link.scores(mean)
        spread = np.maximum(std * link.slopes(scores), _CERTAIN)
        for place, curve in self._curves(observed).items():
            scores[place, : len(curve)], spread[place, : len(curve)] = curve.scores, _CERTAIN
        return Prediction(scores, spread)

    def cases(self, observed: Observed) -> Cases:
        """See `PredictsCases`."""
        stage, link = self._stage(observed), link_of(self.task)
        weights, mean, std = stage.cases(self._gains(observed, stage))
        scores = link.scores(mean)
        return Cases(weights, Prediction(scores, np.maximum(std * link.slopes(scores), _CERTAIN)))

    def _curves(self, observed: Observed) -> Mapping[int, LearningCurve]:
        """What was seen of candidates, by place."""
        return {self._places[key]: curve for key, curve in observed.items() if key in self._places and len(curve)}

    def _gains(self, observed: Observed, stage: _Stage) -> Mapping[int, Float[np.ndarray, " k"]]:
        """The same as gains, but for the run that the stage is anchored by."""
        link, curves = link_of(self.task), self._curves(observed)
        return {place: link.gains(curve.scores) for place, curve in curves.items() if place != stage.anchor}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.key: place for place, one in enumerate(self.candidates)}

    def _stage(self, observed: Observed) -> _Stage:
        curve = LearningCurve() if self._reference is None else observed.get(self._reference_key, LearningCurve())
        if len(curve) < self.surrogate.slices:
            return self._before
        key = curve.scores.tobytes()
        if key not in self._after:
            self._after[key] = self._make_stage(link_of(self.task).gains(curve.scores))
        return self._after[key]

    @cached_property
    def _before(self) -> _Stage:
        return self._make_stage(None)

    @cached_property
    def _after(self) -> dict[bytes, _Stage]:
        """By the scores of the reference run, which hardly ever are more than one."""
        return {}

    @cached_property
    def _reference(self) -> int | None:
        """Place of the reference configuration, if it is in the pool."""
        places = (place for place, one in enumerate(self.candidates) if self.surrogate.is_reference(self.task, one))
        return next(places, None)

    @property
    def _reference_key(self) -> str:
        return "" if self._reference is None else self.candidates[self._reference].key

    @property
    def _progress(self) -> Float[np.ndarray, " T"]:
        """From -1 to 1 over the slices of a run."""
        return np.linspace(-1.0, 1.0, self.surrogate.slices) if self.surrogate.slices > 1 else np.zeros(1)

    @cached_property
    def _labels(self) -> Labels:
        return labels_of(self.task.id)

    @property
    def _similarity(self) -> Similarity:
        whole = self.surrogate
        on_known_model = any(model == self._labels[1] for _, model in whole.labels)
        return whole.similarity if on_known_model else whole.similarity.elsewhere

    @property
    def _unit(self) -> Unit:
        """Gains of tasks whose loss before training nobody knew are of another unit than losses relative to it."""
        known = "zero_shot_nll" in self.surrogate.feature_names or not isinstance(link_of(self.task), LossLink)
        return self.surrogate.unit if known else self.surrogate.unit.in_another_unit

    def _make_stage(self, reference: Float[np.ndarray, " T"] | None) -> _Stage:
        """What is known before (None) or after the curve of the reference run."""
        whole, unit = self.surrogate, self._unit
        told = None if reference is None else landmarks(reference)
        weights = self._similarity.weights(self.features, told, differing_labels(self._labels, whole.labels))
        tasks = np.flatnonzero(weights >= _LEAST_SHARE * weights.max())
        weights = weights[tasks] / weights[tasks].sum()
        values = self.pool.values(tasks)
        log_scale, log_spread = unit.log_scale(tasks, weights)
        scales = np.exp(log_scale + log_spread * _NODES)
        if reference is None or self._reference is None:
            center, offset, anchor = unit.best(self.features), unit.best_error / float(np.exp(log_scale)), None
        else:
            center, offset, anchor = float(reference.max()), 0.0, self._reference
            values = values - values[:, anchor].max(axis=1)[:, None, None]
        mean = np.einsum("m,mnt->nt", weights, values)
        deviations = np.moveaxis(np.sqrt(weights)[:, None, None] * (values - mean), 0, 2)
        noise = whole.deviations
        common = np.column_stack([np.full(whole.slices, offset), noise.slope * self._progress])
        shared = np.broadcast_to(common, (*mean.shape, 2))
        deviations = np.concatenate([deviations, shared], axis=2).astype(np.float32)
        own = _Own(self.pool, noise, self.pool.filled_variance(tasks, weights))
        redundancy = max(whole.slices / _SLICES, 1.0)
        blend = Blend(mean, deviations, own, noise.seed**2, noise.piece**2, redundancy)
        mixture = Mixture(values, weights, common, own, noise.seed**2, redundancy * noise.piece**2)
        return _Stage(blend, mixture, center, scales, anchor)


@dataclass(frozen=True)
class _Stage:
    """The pool before anything but the reference run is seen.

    Attributes:
        blend: in the unit of values.
        mixture: the same, with each earlier task as a case.
        center: gain that is 0 there.
        scales: (S,) gains that may be 1 there, from center.
        anchor: place of the reference run, once that is known.
    """

    blend: Blend
    mixture: Mixture
    center: float
    scales: np.ndarray
    anchor: int | None

    def given(
        self, seen: Mapping[int, Float[np.ndarray, " k"]]
    ) -> tuple[Float[np.ndarray, "N T"], Float[np.ndarray, "N T"]]:
        """Mean and standard deviation of gains.

        The mean is over the readings of the scale. How far these are apart is no part of the deviation: it makes bad
        configurations uncertain, but never better than the center, and a normal distribution cannot tell. Readings are
        weighed by how well the blend explains what they make of the slices seen, in the unit of values: by the
        density of the gains themselves, eight slices of a run that are far from independent would settle the scale.
        """
        outlook = self.blend.given(self._read(seen))
        logs = np.log(_NODE_WEIGHTS) + outlook.log_likelihood
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        gains = self.center + np.einsum("s,snt->nt", weights * self.scales, outlook.mean)
        return gains, np.sqrt(weights @ self.scales**2) * outlook.std

    def cases(
        self, seen: Mapping[int, Float[np.ndarray, " k"]]
    ) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "K N T"], Float[np.ndarray, "K N T"]]:
        """Weights of cases, and mean and standard deviation of gains in each: an earlier task in a reading."""
        found = self.mixture.given(self._read(seen), np.log(_NODE_WEIGHTS))
        scales = self.scales[found.reading][:, None, None]
        return found.weights, self.center + scales * found.mean, scales * found.std

    def _read(self, seen: Mapping[int, Float[np.ndarray, " k"]]) -> Mapping[int, Float[np.ndarray, "S k"]]:
        """In the unit of values, by each reading of the scale."""
        return {
            place: np.maximum((gains - self.center) / self.scales[:, None], LEAST_VALUE)
            for place, gains in seen.items()
        }


@dataclass(frozen=True)
class _Own:
    """See `OwnDeviation`: like configurations deviate alike, and what is kriged is not known better than that."""

    pool: Interpolation
    deviations: Deviations
    filled: Float[np.ndarray, " N"]

    @property
    def variance(self) -> Float[np.ndarray, " N"]:
        return self.deviations.own**2 + self.deviations.run**2 + self.pool.unknown_variance + self.filled

    def covariance(self, chosen: Int[np.ndarray, " k"]) -> Float[np.ndarray, "N k"]:
        kernel, rows = self.pool.scenarios.kernel, self.pool.rows
        near = ConfigurationKernel(kernel.length * _NEAR)
        alike = self.deviations.own**2 * kernel(rows, rows[chosen])
        found = alike + self.deviations.run**2 * near(rows, rows[chosen]) + self.pool.unknown(chosen)
        found[chosen, np.arange(len(chosen))] += self.filled[chosen]
        return found
