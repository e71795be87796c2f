"""The rank-trees surrogate: a forest says where a slice stands on its task, the reference run where the task stands.

Trees (`foretune.surrogate.forest`) read the row of a question (`foretune.surrogate.tree_rows`) and answer with a
quantile (`foretune.surrogate.rank_targets`), each tree with its own; the typical quantile function makes it a y. There
are two forests: *before* reads no landmarks, *after* reads those of the complete reference run (the default, with which
a search begins). Gains on the new task are g = center + scale (y - y_reference):

- after: center is the peak of the reference run, y_reference the best y that its configuration is predicted to have
  when nothing is seen of it, and the scale is predicted from the landmarks;
- before: center is the best gain predicted from the meta-features (0 at least), y_reference is 0, and the scale is that
  of a typical task.

Of what was seen of a candidate the trees are asked, too, where its last slice stands: by how much the answer differs
from its gain is how far the level is off. That difference moves all slices to come, in part (`Stage.trust`): forests
tell runs apart better than they tell a run's next slices from its last one, which are nearly the same.

A candidate is judged by its own curve and the reference run alone: what is seen of others makes no difference. The
variance of y is that over trees and the square of what predictions missed on tasks held out (`missed`), which has the
errors of center and scale in it.

Sources: ranks as targets that many tasks share, Salinas et al. (2020); a short probe as a feature of the task,
landmarking (Pfahringer et al., 2000); trees as surrogates, SMAC (Hutter et al., 2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from foretune.metadata.common import relative_to_width
from foretune.space import Encoder
from foretune.surrogate.forest import Forest
from foretune.surrogate.inputs import SLICES, check_slices, encode, feature_vector, link_of, width_of
from foretune.surrogate.protocol import Observed, Predictor
from foretune.surrogate.rank_targets import QuantileFunction
from foretune.surrogate.stages import TRUST_AFTER, TRUST_BEFORE, ScaleOfLandmarks, Stage
from foretune.surrogate.tree_rows import tree_rows
from foretune.surrogate.units import Unit
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CERTAIN = 1e-9
_ALL_SLICES = np.arange(1, SLICES + 1)


@dataclass(frozen=True)
class RankTreesSurrogate:
    """A fitted performance surrogate; see `PerformanceSurrogate`.

    Attributes:
        encoder: of configurations.
        feature_names: meta-features, in order.
        reference: configuration, relative to the width of the base model, whose curve the second forest reads.
        before: without landmarks.
        after: with those of the reference run.
        function: from quantiles to y.
        unit: of tasks.
        scale: of a task of which the reference run is known.
        missed: (2, 8, 9) standard deviation of y on held-out tasks beyond that over trees: before and after, by slices
            seen and slices asked.
    """

    encoder: Encoder
    feature_names: tuple[str, ...]
    reference: Configuration
    before: Forest
    after: Forest
    function: QuantileFunction
    unit: Unit
    scale: ScaleOfLandmarks
    missed: np.ndarray

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return dict(zip(self.feature_names, self.unit.scaling.center.tolist(), strict=True))

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        """See `PerformanceSurrogate`; trees know all alike."""
        return ()

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """See `PerformanceSurrogate.on`."""
        check_slices(task)
        encode(self.encoder, task, candidates)
        feature_vector(task, self.feature_names)
        return _OnTask(self, task, tuple(candidates), {}, {})

    def is_reference(self, task: Task, configuration: Configuration) -> bool:
        """Whether this is the reference configuration at the width of the task's base model."""
        return relative_to_width(configuration, width_of(task)) == self.reference

    def stage(
        self, task: Task, configuration: Configuration | None = None, reference: Float[np.ndarray, " T"] | None = None
    ) -> Stage:
        """Of a search on this task.

        Args:
            task: with the meta-features.
            configuration: the reference, as it is on this task; None before it is complete.
            reference: its gains.
        """
        if configuration is None or reference is None:
            tasks = np.arange(len(self.unit.log_scales))
            log_scale, _ = self.unit.log_scale(tasks, np.full(len(tasks), 1.0 / len(tasks)))
            center = self.unit.best(feature_vector(task, self.feature_names))
            return Stage(self.before, None, self.missed[0], TRUST_BEFORE, center, 0.0, float(np.exp(log_scale)))
        center, scale = float(reference.max()), self.scale(reference)
        stage = Stage(self.after, reference, self.missed[1], TRUST_AFTER, center, 0.0, scale)
        values = self._values(stage, task, [configuration], [np.empty(0)])
        return replace(stage, offset=float(values.mean(axis=2).max()))

    def predict_gains(
        self, stage: Stage, task: Task, configurations: Sequence[Configuration], curves: Sequence[np.ndarray]
    ) -> tuple[Float[np.ndarray, "n T"], Float[np.ndarray, "n T"]]:
        """Mean and standard deviation of gains after every slice, given the gains `curves[i]` so far; of slices that
        were seen, these and 0."""
        seen = np.array([len(curve) for curve in curves], dtype=np.intp)
        coming = seen[:, None] < _ALL_SLICES
        own = np.array([np.append(curve, np.zeros(SLICES - len(curve))) for curve in curves])
        values, last = self._values(stage, task, configurations, curves), np.maximum(seen - 1, 0)
        places, trust = np.arange(len(curves)), np.append(stage.trust, 0.0)[seen]
        change = values - trust[:, None, None] * values[places, last][:, None]
        level = stage.center - stage.scale * stage.offset
        mean = (level + trust * (own[places, last] - level))[:, None] + stage.scale * change.mean(axis=2)
        missed = np.vstack([stage.missed, np.zeros(SLICES + 1)])[seen, 1:]
        std = stage.scale * np.sqrt(change.var(axis=2) + missed**2)
        return np.where(coming, mean, own), np.where(coming, std, 0.0)

    def _values(
        self, stage: Stage, task: Task, configurations: Sequence[Configuration], curves: Sequence[np.ndarray]
    ) -> Float[np.ndarray, "n T r"]:
        """y of every tree after every slice from the last one seen; 0 before that, and for complete curves."""
        found = np.zeros((len(curves), SLICES, len(stage.forest.roots)))
        seen = np.array([len(curve) for curve in curves], dtype=np.intp)
        which, slices = np.nonzero((seen[:, None] <= _ALL_SLICES) & (seen < SLICES)[:, None])
        if len(which):
            named, prefixes = (
                [configurations[place] for place in which.tolist()],
                [curves[place] for place in which.tolist()],
            )
            about = self.encoder, self.feature_names, task, named, prefixes, slices + 1
            found[which, slices] = self.function(stage.forest.predict_each(tree_rows(*about, stage.reference)))
        return found


_Row = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _OnTask:
    """Only candidates of which more was seen are asked about anew.

    Attributes:
        surrogate: to ask.
        task: that is searched.
        candidates: the pool.
        stages: by the scores of the reference run, empty before.
        known: (scores of the reference run, place, curve) -> scores (T,) and their standard deviations.
    """

    surrogate: RankTreesSurrogate
    task: Task
    candidates: tuple[Configuration, ...]
    stages: dict[bytes, Stage]
    known: dict[tuple[bytes, int, LearningCurve], _Row]

    def __call__(self, observed: Observed) -> Prediction:
        told = LearningCurve() if self._reference is None else observed.get(self._reference.key, LearningCurve())
        stage = told.scores.tobytes() if len(told) == SLICES else b""
        if stage not in self.stages:
            self.stages[stage] = self._make_stage(told if stage else None)
        keys = [(stage, place, observed.get(one.key, LearningCurve())) for place, one in enumerate(self.candidates)]
        new = [key for key in keys if key not in self.known]
        if new:
            self._predict(stage, new)
        found = [self.known[key] for key in keys]
        return Prediction(np.array([mean for mean, _ in found]), np.array([std for _, std in found]))

    @cached_property
    def _reference(self) -> Configuration | None:
        """The reference configuration, if it is in the pool."""
        return next((one for one in self.candidates if self.surrogate.is_reference(self.task, one)), None)

    def _make_stage(self, told: LearningCurve | None) -> Stage:
        gains = None if told is None else link_of(self.task).gains(told.scores)
        return self.surrogate.stage(self.task, self._reference, gains)

    def _predict(self, stage: bytes, keys: Sequence[tuple[bytes, int, LearningCurve]]) -> None:
        link, pool = link_of(self.task), [self.candidates[place] for _, place, _ in keys]
        curves = [link.gains(curve.scores) for _, _, curve in keys]
        mean, std = self.surrogate.predict_gains(self.stages[stage], self.task, pool, curves)
        scores = link.scores(mean)
        for row, (_, _, curve) in zip(scores, keys, strict=True):
            row[: len(curve)] = curve.scores
        spread = np.maximum(std * link.slopes(scores), _CERTAIN)
        self.known.update(zip(keys, zip(scores, spread, strict=True), strict=True))
