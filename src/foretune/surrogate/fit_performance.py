"""From recorded runs to a performance surrogate: standardize, train the deep kernels, condition them on the
examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from foretune.space import Encoder
from foretune.surrogate.deep_kernel import DeepKernel, Recipe, TrainingSet, train
from foretune.surrogate.examples import Examples, Run, by_task, make_examples
from foretune.surrogate.inputs import SLICES, Inputs
from foretune.surrogate.performance import DeepKernelSurrogate, Member, Targets
from foretune.surrogate.posterior import condition

INDUCING = 256
CONDITIONED_ON = 20_000
_SCALE_RIDGE = 10.0
_LEAST_SCALE = 1e-3


def fit_inputs(examples: Examples, encoder: Encoder, feature_names: Sequence[str]) -> Inputs:
    """Standardization of the columns. One that never varies carries no knowledge and is blanked, also on new tasks."""
    center, spread = examples.rows.mean(0), examples.rows.std(0)
    spread[spread < 1e-9] = np.inf
    return Inputs(encoder, tuple(feature_names), center, spread)


def fit_targets(examples: Examples, inputs: Inputs) -> Targets:
    """Scale of each task by ridge regression, then mean and standard deviation of each (seen, asked) pair."""
    spread = np.array([_final_spread(examples, task) for task in range(len(examples.tasks))])
    logs = np.log(np.maximum(spread, _LEAST_SCALE))
    features = np.array([inputs.meta_features(task) for task in examples.tasks])
    gram = features.T @ features + _SCALE_RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ (logs - logs.mean()))
    shape = (SLICES + 1, SLICES + 1)
    targets = Targets(np.zeros(shape), np.ones(shape), np.ones(shape), weights, float(logs.mean()))
    change = (examples.after - examples.before) / targets.scale(features)[examples.task]
    mean, std = targets.mean.copy(), targets.std.copy()
    for seen, asked in np.unique(np.column_stack([examples.seen, examples.fidelity]), axis=0):
        values = change[(examples.seen == seen) & (examples.fidelity == asked)]
        mean[seen, asked], std[seen, asked] = values.mean(), max(float(values.std()), _LEAST_SCALE)
    return replace(targets, mean=mean, std=std)


def _final_spread(examples: Examples, task: int) -> float:
    """Standard deviation of the final gains; of all gains where a search has ended no run of the task."""
    own = (examples.seen == 0) & (examples.task == task)
    final = own & (examples.fidelity == SLICES)
    return float(examples.after[final if final.any() else own].std())


def standardized_targets(examples: Examples, inputs: Inputs, targets: Targets) -> Float[np.ndarray, " e"]:
    """y of each example, see `foretune.surrogate.performance`; clipped at 5 so that single failures do not rule."""
    features = np.array([inputs.meta_features(task) for task in examples.tasks])
    change = (examples.after - examples.before) / targets.scale(features)[examples.task]
    at = examples.seen, examples.fidelity
    return np.clip((change - targets.mean[at]) / targets.std[at], -5.0, 5.0)


def example_weights(examples: Examples) -> Float[np.ndarray, " e"]:
    """How often an example is drawn: half of all have seen nothing, as half of all questions of a search are about
    these."""
    fresh = examples.seen == 0
    return np.where(fresh, 0.5 / max(fresh.sum(), 1), 0.5 / max((~fresh).sum(), 1))


def snapshots(
    runs: Sequence[Run], encoder: Encoder, feature_names: Sequence[str], recipe: Recipe, seed: int
) -> Iterator[tuple[int, DeepKernelSurrogate]]:
    """Trains one deep kernel on these runs; yields (step, surrogate of that one member) at every snapshot."""
    examples = make_examples(runs, encoder, feature_names)
    inputs = fit_inputs(examples, encoder, feature_names)
    targets = fit_targets(examples, inputs)
    data = _training_set(examples, inputs, targets)
    for step, kernel in train(data, recipe, np.random.default_rng([seed, 0])):
        member = _condition(kernel, data, np.random.default_rng([seed, 1]))
        yield step, DeepKernelSurrogate(inputs, targets, (member,))


def fit_members(
    runs: Sequence[Run],
    encoder: Encoder,
    feature_names: Sequence[str],
    recipe: Recipe,
    *,
    steps: int,
    seed: int,
    members: int,
) -> DeepKernelSurrogate:
    """An ensemble that differs by seed, each member as it is after `steps` steps of the recipe."""
    fitted = [
        next(
            surrogate
            for step, surrogate in snapshots(runs, encoder, feature_names, recipe, seed + 1000 * member)
            if step == steps
        )
        for member in range(members)
    ]
    return replace(fitted[0], members=tuple(member for surrogate in fitted for member in surrogate.members))


def _training_set(examples: Examples, inputs: Inputs, targets: Targets) -> TrainingSet:
    rows = inputs.standardize(examples.rows)
    blanked = np.zeros(rows.shape[1], dtype=bool)
    blanked[inputs.features] = True
    y = standardized_targets(examples, inputs, targets)
    return TrainingSet(rows, y, examples.task, example_weights(examples), blanked)


def _condition(kernel: DeepKernel, data: TrainingSet, rng: np.random.Generator) -> Member:
    count = len(data.targets)
    kept = rng.choice(count, min(CONDITIONED_ON, count), replace=False, p=_shares(data))
    inducing = rng.choice(
        kept, min(INDUCING, len(kept)), replace=False, p=_shares(data)[kept] / _shares(data)[kept].sum()
    )
    features = kernel.network(data.rows[kept])
    posterior = condition(
        features,
        data.targets[kept],
        kernel.network(data.rows[inducing]),
        constant=kernel.constant,
        outputscale=kernel.outputscale,
        noise=kernel.noise,
    )
    return Member(kernel.network, posterior)


def _shares(data: TrainingSet) -> Float[np.ndarray, " e"]:
    """Probability of each example: every task alike, within a task by weight."""
    totals = np.bincount(data.tasks, weights=data.weights)
    shares = data.weights / totals[data.tasks]
    return shares / shares.sum()


def runs_of_tasks(runs: Sequence[Run], names: Sequence[str]) -> list[Run]:
    """The runs of these tasks."""
    groups = by_task(runs)
    return [run for name in names for run in groups[name]]
