"""The in-context surrogate: each earlier task is a hypothesis of how the new one will turn out.

Nothing is fitted to the new task. All runs that were observed on it speak for or against each earlier task.

Symbols:
    M earlier tasks k, N candidates i, T slices t.
    v: (M, N, T) values of the candidates on each earlier task (`foretune.surrogate.scenarios`).
    a: the anchor, the run that others are compared with: the reference configuration (the default, with which a search
        begins) if it is complete, else the first complete run.
    c, s: center and scale. Before there is an anchor, c is the predicted gain of the best configuration
        (`foretune.surrogate.units`); then it is the best gain of the anchor.
    w: (M,) weights of the earlier tasks (`foretune.surrogate.similarity`).
    y: (n,) gains of a candidate's n observed slices (`foretune.surrogate.gains`).
    e: `_OWN`, what a run has of its own.

    gains of hypothesis k          g_kit = c + s (v_kit - max_t v_kat)
    likelihood of a run i under k  L_ki = exp(-mean_t (y_it - g_kit)^2 / (2 e^2 s^2)),  y_it >= c + s LEAST_VALUE
    probability of k               p_k = w_k prod_i L_ki / sum_k'(...)
    a run that was begun           goes on from its last observed gain as it did on task k

Sources: conditioning instead of refitting, FT-PFN (Rakotoarison et al., 2024); earlier tasks weighed by the runs seen
on the new one, RGPE (Feurer et al., 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from foretune.metadata.common import relative_to_width
from foretune.space import Encoder
from foretune.surrogate.gains import GainScale, gain_scale
from foretune.surrogate.inputs import check_slices, encode, feature_vector, known_features, width_of
from foretune.surrogate.protocol import Observed, Outcomes, PredictsOutcomes
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.scenarios import LEAST_VALUE, Scenarios
from foretune.surrogate.similarity import Similarity
from foretune.surrogate.units import TYPICAL, Unit, Units
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9
_OWN = 0.2
"""Standard deviation of a run from that of an earlier task which the new one is like, in the unit of values."""

Gains = Mapping[int, np.ndarray]
"""Place of a candidate -> (n,) gains of its observed slices."""


class Origin(NamedTuple):
    """Of a task: dataset, training rows (None where that is not known) and base model."""

    dataset: str
    rows: int | None
    model: str


@dataclass(frozen=True)
class InContextSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`.

    Attributes:
        encoder: of configurations.
        feature_names: meta-features, in order; none for tables that have none.
        reference: configuration, relative to the width of the base model, that other runs are compared with.
        slices: of a complete run.
        recorded: the C configurations, relative to width.
        origins: of the M earlier tasks.
        row_scaling: of encoded configurations.
        scenarios: M x C x T.
        similarity: of tasks.
        units: of tasks.
    """

    kind: ClassVar[str] = "in-context"

    encoder: Encoder
    feature_names: tuple[str, ...]
    reference: Configuration
    slices: int
    recorded: tuple[Configuration, ...]
    origins: tuple[Origin, ...]
    row_scaling: Scaling
    scenarios: Scenarios
    similarity: Similarity
    units: Units

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.feature_names, self.similarity.scaling.center.tolist(), strict=True))

    def on(self, task: Task, candidates: Sequence[Configuration]) -> PredictsOutcomes:
        """See `PerformanceSurrogate.on`."""
        check_slices(task, self.slices)
        rows = self.row_scaling(encode(self.encoder, task, candidates))
        values = self.scenarios.values_of(rows, self._known(task, candidates))
        return _OnTask(self, task, tuple(candidates), values, self._features(task))

    def is_reference(self, task: Task, configuration: Configuration) -> bool:
        """Whether this is the reference configuration at the width of the task's base model."""
        return relative_to_width(configuration, width_of(task)) == self.reference

    def _known(self, task: Task, candidates: Sequence[Configuration]) -> Int[np.ndarray, " N"]:
        """Place of each candidate among those recorded, -1 for others."""
        places = {one: place for place, one in enumerate(self.recorded)}
        width = width_of(task)
        return np.array([places.get(relative_to_width(one, width), -1) for one in candidates], dtype=np.intp)

    def _features(self, task: Task) -> Float[np.ndarray, " F"]:
        """Meta-features of the task; those that all earlier tasks have must be there."""
        feature_vector(task, self.needed_features)
        return known_features(task, self.feature_names)

    @property
    def needed_features(self) -> list[str]:
        """Meta-features that all earlier tasks have, so that a new one needs them."""
        columns = zip(self.feature_names, self.similarity.features.T, strict=True)
        return [name for name, column in columns if not np.isnan(column).any()]


@dataclass(frozen=True)
class _OnTask:
    """See `PredictsOutcomes`.

    Attributes:
        surrogate: knows the earlier tasks.
        task: the new one.
        candidates: the pool.
        values: v.
        features: meta-features of the new task.
    """

    surrogate: InContextSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    values: np.ndarray
    features: np.ndarray

    def __call__(self, observed: Observed) -> Prediction:
        outcomes, curves = self.outcomes(observed), self._curves(observed)
        level = np.full((len(self.candidates), 1), outcomes.level)
        level[list(curves)] = 0.0
        # variance of a mixture: between hypotheses, within each, and of the level that runs not begun have in common
        between = np.tensordot(outcomes.weights, (outcomes.gains - outcomes.mean) ** 2, 1)
        scores = self._gain_scale.scores(outcomes.mean)
        spread = np.sqrt(between + outcomes.own**2 + level**2) * self._gain_scale.slopes(scores)
        for place, curve in curves.items():
            scores[place, : len(curve)], spread[place, : len(curve)] = curve.scores, _CERTAIN
        return Prediction(scores, np.maximum(spread, _CERTAIN))

    @property
    def is_familiar(self) -> bool:
        """See `PredictsOutcomes`."""
        task = self.task
        return any(
            one.model == task.model or (one.dataset, one.rows) == (task.dataset, task.rows)
            for one in self.surrogate.origins
        )

    def outcomes(self, observed: Observed) -> Outcomes:
        """See `PredictsOutcomes`."""
        seen: Gains = {place: self._gain_scale.gains(curve.scores) for place, curve in self._curves(observed).items()}
        anchor, weights, unit = self._anchor(seen), self._weights, self._unit
        if anchor is None:
            gains = unit.best + unit.scale * self.values
            return Outcomes(weights, _going_on(gains, seen), unit.scale * _OWN, unit.error)
        center = float(seen[anchor].max())
        gains = center + unit.scale * (self.values - self.values[:, [anchor]].max(axis=2, keepdims=True))
        others = {place: observed for place, observed in seen.items() if place != anchor}
        weights = _posterior(weights, gains, others, center, unit.scale)
        return Outcomes(weights, _going_on(gains, seen), unit.scale * _OWN)

    def _curves(self, observed: Observed) -> Mapping[int, LearningCurve]:
        """Observed slices of candidates, by place."""
        return {self._places[key]: curve for key, curve in observed.items() if key in self._places and len(curve)}

    def _anchor(self, seen: Gains) -> int | None:
        """Place of the anchor; None before a run is complete."""
        complete = [place for place, gains in seen.items() if len(gains) == self.surrogate.slices]
        return self._reference if self._reference in complete else next(iter(complete), None)

    @cached_property
    def _weights(self) -> Float[np.ndarray, " M"]:
        """w, of the earlier tasks before any run."""
        return self.surrogate.similarity.weights(self.features)

    @cached_property
    def _unit(self) -> Unit:
        """Of the task, before any of its runs is complete.

        If no zero-shot loss of an earlier task is known, their gains are plain scores, which say nothing of the unit of
        a task whose gains are relative to its zero-shot loss.
        """
        if "zero_shot_nll" not in self.surrogate.feature_names and self._gain_scale.zero_shot is not None:
            return TYPICAL
        return self.surrogate.units.of(self.surrogate.similarity.scaling(self.features[None])[0], self._weights)

    @cached_property
    def _gain_scale(self) -> GainScale:
        return gain_scale(self.task)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.key: place for place, one in enumerate(self.candidates)}

    @cached_property
    def _reference(self) -> int | None:
        """Place of the reference configuration, if it is in the pool."""
        places = (place for place, one in enumerate(self.candidates) if self.surrogate.is_reference(self.task, one))
        return next(places, None)


def _posterior(
    weights: Float[np.ndarray, " M"], gains: Float[np.ndarray, "M N T"], seen: Gains, center: float, scale: float
) -> Float[np.ndarray, " M"]:
    """p, from w and the runs other than the anchor."""
    logs, least = np.log(weights), center + scale * LEAST_VALUE  # as values of earlier tasks were cut off
    for place, observed in seen.items():
        apart = (np.maximum(observed, least) - gains[:, place, : len(observed)]) / scale
        logs = logs - 0.5 * (apart**2).mean(axis=1) / _OWN**2  # log w_k + sum_i log L_ki
    posterior = np.exp(logs - logs.max())
    return posterior / posterior.sum()


def _going_on(gains: Float[np.ndarray, "M N T"], seen: Gains) -> Float[np.ndarray, "M N T"]:
    """The same for runs that were not begun; those that were go on from their last observed gain."""
    gains = gains.copy()
    for place, observed in seen.items():
        gains[:, place] += (observed[-1] - gains[:, place, len(observed) - 1])[:, None]
        gains[:, place, : len(observed)] = observed
    return gains
