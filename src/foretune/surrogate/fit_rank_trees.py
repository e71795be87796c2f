"""From recorded runs to the rank-trees surrogate: rank the slices of each task, grow both forests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from foretune.errors import SurrogateError
from foretune.metadata.common import relative_to_width
from foretune.space import Encoder
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.fit_in_context import reference_of
from foretune.surrogate.forest import Forest, ForestRecipe, grow
from foretune.surrogate.inputs import SLICES, feature_vector, link_of, width_of
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.rank_targets import quantiles, typical_function
from foretune.surrogate.rank_trees import RankTreesSurrogate
from foretune.surrogate.scaling import Scaling
from foretune.surrogate.stages import ScaleOfLandmarks
from foretune.surrogate.tree_rows import tree_rows
from foretune.surrogate.units import fit_unit, ridge
from foretune.types import Configuration

_RIDGE = 3.0
_FRESH_SHARE = 0.5
"""Of the weight of a task, what examples have that have seen nothing: half of all questions of a search are about
these."""


@dataclass(frozen=True)
class RankTreesRecipe:
    """How the rank-trees surrogate is made.

    Attributes:
        forest: how each of the two is grown.
        later: of every prefix that has seen something, its last slice, the next one and so many later ones are learned
            from, drawn at random; all of them would take more time and space for the same scores.
    """

    forest: ForestRecipe = field(default_factory=lambda: ForestRecipe(trees=64, least_rows=15))
    later: int = 1


@dataclass(frozen=True)
class EndedRuns:
    """The runs of one task whose end is known; one that diverged keeps the worst gain seen on the task.

    Attributes:
        runs: n of them.
        gains: (n, T).
        reference: place of the reference run, None where it is not complete.
    """

    runs: Sequence[Run]
    gains: np.ndarray
    reference: int | None

    @classmethod
    def of(cls, runs: Sequence[Run], reference: Configuration) -> EndedRuns:
        """What `reference` is relative to the width of the base model."""
        worst = min([0.0, *(float(run.gains.min()) for run in runs if len(run.gains))])
        ended = [run for run in runs if run.diverged or len(run.gains) == SLICES]
        gains = np.array([np.append(run.gains, np.full(SLICES - len(run.gains), worst)) for run in ended])
        width = width_of(runs[0].task)
        places = (place for place, run in enumerate(ended)
                  if not run.diverged and relative_to_width(run.configuration, width) == reference)  # fmt: skip
        return cls(ended, gains.reshape(len(ended), SLICES), next(places, None))

    @property
    def told(self) -> Float[np.ndarray, " T"] | None:
        """Gains of the reference run."""
        return None if self.reference is None else self.gains[self.reference]

    @property
    def best(self) -> float:
        """Gain of the best slice."""
        return float(self.gains.max())

    @cached_property
    def scale(self) -> float:
        """From the median peak to the best one."""
        peaks = self.gains.max(axis=1)
        return max(float(peaks.max() - np.median(peaks)), link_of(self.runs[0].task).least_scale)


def fit_rank_trees(
    runs: Sequence[Run],
    encoder: Encoder,
    feature_names: Sequence[str],
    recipe: RankTreesRecipe | None = None,
    *,
    reference: Configuration | None = None,
    seed: int = 0,
) -> RankTreesSurrogate:
    """The surrogate, not yet calibrated (`foretune.surrogate.calibration`): its deviations are those over trees.

    Args:
        runs: to learn from.
        encoder: of their configurations.
        feature_names: meta-features that every task has.
        recipe: how.
        reference: configuration, relative to the width of the base model, whose curve tells about a task; by default,
            and if it is complete on no task, the one that most tasks have.
        seed: of trees and examples.

    Raises:
        SurrogateError: if no run is complete, or tasks have another number of slices or lack meta-features.
    """
    recipe = recipe or RankTreesRecipe()
    tasks, reference = _ended(runs, reference)
    features = np.array([feature_vector(task.runs[0].task, feature_names) for task in tasks])
    best, scales = np.array([task.best for task in tasks]), np.array([task.scale for task in tasks])
    known = [task for task in tasks if task.reference is not None]

    def forest(learned: Sequence[EndedRuns], stage: int) -> Forest:
        rng = np.random.default_rng([seed, stage])
        parts = [_examples(task, encoder, feature_names, recipe.later, rng, stage > 0) for task in learned]
        rows, targets, weights = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return grow(rows, targets, weights, recipe.forest, seed)

    return RankTreesSurrogate(
        encoder=encoder,
        feature_names=tuple(feature_names),
        reference=reference,
        before=forest(tasks, 0),
        after=forest(known, 1),
        function=typical_function([(task.gains - task.best) / task.scale for task in tasks]),
        unit=fit_unit(features, Scaling.of(features), best, scales),
        scale=_scale_of_landmarks(known),
        missed=np.zeros((2, SLICES, SLICES + 1)),
    )


def _ended(runs: Sequence[Run], reference: Configuration | None) -> tuple[list[EndedRuns], Configuration]:
    """Tasks with runs that have ended, and the reference that at least one of them has."""
    odd = next((run.task for run in runs if run.task.max_fidelity != SLICES), None)
    if odd:
        raise SurrogateError(
            f"rank-trees learn from runs of {SLICES} slices, task {odd.id!r} has {odd.max_fidelity}; "
            "leave it out, or fit the kind in-context"
        )
    complete = [run for run in runs if len(run.gains) == SLICES and not run.diverged]
    if not complete:
        raise SurrogateError("no run is complete, so there is no learning curve to learn from; collect some")
    for one in ([reference] if reference else []) + [reference_of(complete)]:
        tasks = [EndedRuns.of(group, one) for group in by_task(runs).values()]
        if any(task.reference is not None for task in tasks):
            return [task for task in tasks if task.runs], one
    raise AssertionError("the last reference is one of a complete run")


def _examples(
    task: EndedRuns, encoder: Encoder, names: Sequence[str], later: int, rng: np.random.Generator, is_told: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, quantiles and weights of a task, the latter with a sum of 1."""
    found = [(place, seen, fidelity) for place, run in enumerate(task.runs)
             for seen, fidelity in _pairs(len(run.gains), later, rng)]  # fmt: skip
    places, seen, fidelities = np.array(found).T
    configurations = [task.runs[place].configuration for place in places]
    curves = [task.gains[place, :count] for place, count in zip(places, seen, strict=True)]
    told = task.told if is_told else None
    rows = tree_rows(encoder, names, task.runs[0].task, configurations, curves, fidelities, told)
    targets = quantiles(task.gains)[places, fidelities - 1]
    return rows, targets, _weights(seen)


def _pairs(length: int, later: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """(slices seen, slices asked) of a run that ended after so many slices."""
    yield from ((0, fidelity) for fidelity in range(1, SLICES + 1))
    for seen in range(1, min(length, SLICES - 1) + 1):
        yield from ((seen, seen), (seen, seen + 1))
        left = np.arange(seen + 2, SLICES + 1)
        yield from ((seen, int(fidelity)) for fidelity in rng.permutation(left)[:later])


def _weights(seen: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    fresh = seen == 0
    if fresh.all():
        return np.full(len(seen), 1.0 / len(seen))
    return np.where(fresh, _FRESH_SHARE / fresh.sum(), (1.0 - _FRESH_SHARE) / (~fresh).sum())


def _scale_of_landmarks(tasks: Sequence[EndedRuns]) -> ScaleOfLandmarks:
    told = np.array([landmarks(task.told) for task in tasks if task.told is not None])
    scaling = Scaling.of(told)
    return ScaleOfLandmarks(scaling, ridge(scaling(told), np.log([task.scale for task in tasks]), _RIDGE))
