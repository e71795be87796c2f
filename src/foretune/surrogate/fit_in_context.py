"""From recorded runs to the in-context surrogate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from foretune.errors import SurrogateError
from foretune.metadata.common import relative_to_width
from foretune.space import Encoder
from foretune.surrogate.curve_model import fit_basis
from foretune.surrogate.examples import Run, by_task
from foretune.surrogate.forest import Forest, ForestRecipe, grow
from foretune.surrogate.in_context import InContextSurrogate, configuration_rows
from foretune.surrogate.inputs import feature_vector
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.meta_features import read_task
from foretune.surrogate.multitask import MultitaskPosterior, Points, choose_inducing, condition
from foretune.surrogate.multitask_train import KernelRecipe, Recorded, train_kernel
from foretune.surrogate.stage import LEAST_VALUE, Scaling, Stage, Unit, task_points
from foretune.types import Configuration

_LEAST_TASKS = 2


@dataclass(frozen=True)
class InContextRecipe:
    """How the in-context surrogate is fitted.

    Attributes:
        kernel: how the numbers of its Gaussian processes are found.
        forest: how its trees are grown.
        latents: J, numbers that make a curve.
        inducing: M, at most.
        share: of the forest in the mean.
        least_scale: gains that differ by less are noise.
        most_regret: worse configurations are as bad as this to the forest.
        unit_ridge: penalty on weights of scaled features in the units of tasks.
    """

    kernel: KernelRecipe = field(default_factory=KernelRecipe)
    forest: ForestRecipe = field(default_factory=ForestRecipe)
    latents: int = 3
    inducing: int = 300
    share: float = 0.5
    least_scale: float = 0.02
    most_regret: float = 4.0
    unit_ridge: float = 3.0


@dataclass(frozen=True)
class TaskCurves:
    """The complete runs of one task.

    Attributes:
        rows: (n, D) encoded configurations.
        gains: (n, T) curves.
        features: (F,) of the task, at the stage in question.
        center: gain that is 0 in the unit of the task.
    """

    rows: np.ndarray
    gains: np.ndarray
    features: np.ndarray
    center: float

    @property
    def peaks(self) -> Float[np.ndarray, " n"]:
        """Best gain of every run."""
        return self.gains.max(axis=1)

    def scale(self, least: float) -> float:
        """From the median to the best."""
        return max(float(self.peaks.max() - np.median(self.peaks)), least)


def fit_in_context(
    runs: Sequence[Run],
    encoder: Encoder,
    feature_names: Sequence[str],
    recipe: InContextRecipe,
    *,
    seed: int,
    reference: Configuration | None = None,
) -> InContextSurrogate:
    """Fits both stages.

    Args:
        runs: to learn from.
        encoder: of their configurations.
        feature_names: meta-features that every task has.
        recipe: how.
        seed: of the tasks drawn and the trees.
        reference: configuration, relative to the width of the base model, whose curve tells about a task; by default
            the one that most tasks have.

    Raises:
        SurrogateError: if fewer than two tasks have complete runs, or a run of the reference configuration.
    """
    reference = reference or reference_of(runs)
    groups = [group for group in by_task(runs).values() if _slices(group)]
    if not groups:
        raise SurrogateError("no run is complete, so there is no learning curve to learn from; collect some")
    slices = max(_slices(group) for group in groups)
    before, after = list[TaskCurves](), list[TaskCurves]()
    for group in groups:
        rows, gains = _complete(group, encoder, slices)
        features = feature_vector(group[0].task, feature_names)
        before.append(TaskCurves(rows, gains, features, float(np.median(gains.max(axis=1)))))
        found = [run.gains for run in group if _relative(run) == reference and len(run.gains) == slices]
        if found:
            after.append(TaskCurves(rows, gains, landmarks(found[0]), float(found[0].max())))
    rng = np.random.default_rng([seed, 0])
    return InContextSurrogate(
        encoder=encoder,
        feature_names=tuple(feature_names),
        reference=reference,
        slices=slices,
        before=fit_stage(before, recipe, rng),
        after=fit_stage(after, recipe, rng),
    )


def reference_of(runs: Sequence[Run]) -> Configuration:
    """The configuration, relative to the width of the base model, that was completed on most tasks; of several, the one
    that is recorded first."""
    count = Counter[Configuration]()
    for group in by_task(runs).values():
        count.update({_relative(run): None for run in group if not run.diverged}.keys())
    if not count:
        raise SurrogateError("there are no runs to learn from; collect some")
    return count.most_common(1)[0][0]


def fit_stage(tasks: Sequence[TaskCurves], recipe: InContextRecipe, rng: np.random.Generator) -> Stage:
    """One stage from the runs of all tasks that have it."""
    if len(tasks) < _LEAST_TASKS:
        message = f"a run of the reference configuration is needed on {_LEAST_TASKS} tasks or more, {len(tasks)} have"
        raise SurrogateError(f"{message} one; collect it, or name another reference")
    rows, features = Scaling.of(np.vstack([task.rows for task in tasks])), Scaling.of(_features(tasks))
    values = [_values(task, recipe) for task in tasks]
    basis = fit_basis(np.vstack(values), recipe.latents)
    points = [task_points(rows(task.rows), features(task.features[None, :])[0]) for task in tasks]
    latents = [basis.latents(curves) for curves in values]
    posteriors = [
        _posterior([(at, u[:, j]) for at, u in zip(points, latents, strict=True)], recipe, rng)
        for j in range(basis.directions.shape[1])
    ]
    forest = _forest(tasks, points, recipe, int(rng.integers(2**31)))
    unit = _unit(tasks, features(_features(tasks)), recipe)
    return Stage(rows, features, unit, basis, tuple(posteriors), forest, recipe.share)


def _posterior(tasks: Recorded, recipe: InContextRecipe, rng: np.random.Generator) -> MultitaskPosterior:
    kernel = train_kernel(tasks, recipe.kernel, rng)
    points = Points(np.vstack([one.rows for one, _ in tasks]), np.vstack([one.features for one, _ in tasks]))
    return condition(kernel, tasks, points.take(choose_inducing(kernel, points, recipe.inducing)))


def _forest(tasks: Sequence[TaskCurves], points: Sequence[Points], recipe: InContextRecipe, seed: int) -> Forest:
    """Every task counts the same, however many runs it has."""
    rows = np.vstack([np.hstack([at.rows, at.features]) for at in points])
    regrets = [(task.peaks.max() - task.peaks) / task.scale(recipe.least_scale) for task in tasks]
    targets = np.sqrt(np.minimum(np.concatenate(regrets), recipe.most_regret))
    weights = np.concatenate([np.full(len(at), 1 / len(at)) for at in points])
    return grow(rows, targets, weights, recipe.forest, seed)


def _unit(tasks: Sequence[TaskCurves], features: Float[np.ndarray, "M F"], recipe: InContextRecipe) -> Unit:
    scales = np.array([task.scale(recipe.least_scale) for task in tasks])
    centers = np.array([task.center for task in tasks])
    weights = _ridge(features, centers, recipe.unit_ridge)
    missed = _left_out_errors(features, centers, recipe.unit_ridge) / scales
    return Unit(weights, _ridge(features, np.log(scales), recipe.unit_ridge), float(np.sqrt(np.mean(missed**2))))


def _left_out_errors(rows: Float[np.ndarray, "M F"], targets: Float[np.ndarray, " M"], penalty: float) -> np.ndarray:
    """What `_ridge` misses of each target when it is fitted on the others: r / (1 - h) with the hat matrix' diagonal
    h."""
    inner = np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T)
    hat = np.einsum("mf,fm->m", rows, inner) + 1.0 / len(rows)
    fitted = rows @ (inner @ (targets - targets.mean())) + targets.mean()
    return (targets - fitted) / (1.0 - hat)


def _ridge(rows: Float[np.ndarray, "M F"], targets: Float[np.ndarray, " M"], penalty: float) -> np.ndarray:
    """Weights and intercept; rows have mean 0."""
    gram = rows.T @ rows + penalty * np.eye(rows.shape[1])
    return np.append(np.linalg.solve(gram, rows.T @ (targets - targets.mean())), targets.mean())


def _values(task: TaskCurves, recipe: InContextRecipe) -> Float[np.ndarray, "n T"]:
    return np.maximum((task.gains - task.center) / task.scale(recipe.least_scale), LEAST_VALUE)


def _features(tasks: Sequence[TaskCurves]) -> Float[np.ndarray, "M F"]:
    return np.array([task.features for task in tasks])


def _complete(
    runs: Sequence[Run], encoder: Encoder, slices: int
) -> tuple[Float[np.ndarray, "n D"], Float[np.ndarray, "n T"]]:
    """Rows and curves of runs whose end is known; one that diverged keeps the worst gain seen on its task."""
    worst = min([0.0, *(float(run.gains.min()) for run in runs if len(run.gains))])
    kept = [run for run in runs if run.diverged or len(run.gains) == slices]
    gains = [np.append(run.gains, np.full(slices - len(run.gains), worst)) for run in kept]
    return configuration_rows(encoder, kept[0].task, [run.configuration for run in kept]), np.array(gains)


def _slices(runs: Sequence[Run]) -> int:
    """Of the longest run that did not diverge."""
    return max((len(run.gains) for run in runs if not run.diverged), default=0)


def _relative(run: Run) -> Configuration:
    return relative_to_width(run.configuration, read_task(run.task).hidden_size)
