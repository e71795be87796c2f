"""Meta-learning of the performance surrogate, from scratch: standardize, train the networks, condition on the examples.

1. The tasks are held out in parts. One network is trained without each part; the number of steps after which the
   held-out tasks are predicted best is taken, and what their errors exceed the predicted standard deviations by.
2. An ensemble is trained on all tasks for so many steps.

Symbols: E examples of M tasks with targets y, their features Z and w, F as in `foretune.paper.posterior`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
from jaxtyping import Float

from foretune.paper.deep_kernel import DeepKernel, Recipe, TrainingSet, train
from foretune.paper.examples import Examples, make_examples
from foretune.paper.held_out import HeldOut, hold_out, inflation, summary
from foretune.paper.inputs import Inputs
from foretune.paper.performance import DeepKernelSurrogate, Member, Targets
from foretune.paper.posterior import condition
from foretune.space import Encoder
from foretune.surrogate.examples import Run
from foretune.surrogate.inputs import SLICES
from foretune.surrogate.kinds import Data, Fitted

MEMBERS = 3
INDUCING = 256
CONDITIONED_ON = 20_000
_SCALE_RIDGE = 10.0
_LEAST_SCALE = 1e-3


def fit_deep_kernel(data: Data, recipe: Recipe | None) -> Fitted:
    """Trained for as many steps as are best on held-out tasks, at most those of the recipe."""
    recipe = recipe or Recipe()
    steps, held_out = _validate(data, recipe)
    performance = _fit_members(data, recipe, steps)
    performance = replace(performance, targets=replace(performance.targets, inflation=inflation(held_out)))
    by_task = {result.task: result.scores for result in held_out}
    return Fitted(performance, summary(held_out), by_task, {"kind": performance.kind, "steps": steps})


def _validate(data: Data, recipe: Recipe) -> tuple[int, list[HeldOut]]:
    """The best number of steps, and the held-out predictions at it."""
    by_step: dict[int, list[HeldOut]] = {}
    for part in data.held_out():
        for step, surrogate in _snapshots(data.without(part), data, recipe, data.seed):
            by_step.setdefault(step, []).extend(hold_out(surrogate, data.of(part)))
    steps = min(by_step, key=lambda step: fmean(result.log_loss for result in by_step[step]))
    return steps, by_step[steps]


def _fit_members(data: Data, recipe: Recipe, steps: int) -> DeepKernelSurrogate:
    """An ensemble that differs by seed, each member as it is after `steps` steps of the recipe."""
    fitted = [
        next(found for step, found in _snapshots(data.runs, data, recipe, data.seed + 1000 * member) if step == steps)
        for member in range(MEMBERS)
    ]
    return replace(fitted[0], members=tuple(member for surrogate in fitted for member in surrogate.members))


def _snapshots(runs: Sequence[Run], data: Data, recipe: Recipe, seed: int) -> Iterator[tuple[int, DeepKernelSurrogate]]:
    """Trains one deep kernel on these runs; yields (step, surrogate of that one member) at every snapshot."""
    examples = make_examples(runs, data.encoder, data.names)
    inputs = fit_inputs(examples, data.encoder, data.names)
    targets = fit_targets(examples, inputs)
    blanked = np.zeros(examples.rows.shape[1], dtype=bool)
    blanked[inputs.features] = True
    y = targets.standardize(examples, inputs)
    trained_on = TrainingSet(inputs.standardize(examples.rows), y, examples.task, _example_weights(examples), blanked)
    for step, kernel in train(trained_on, recipe, np.random.default_rng([seed, 0])):
        member = _condition(kernel, trained_on, np.random.default_rng([seed, 1]))
        yield step, DeepKernelSurrogate(inputs, targets, (member,))


def fit_inputs(examples: Examples, encoder: Encoder, feature_names: Sequence[str]) -> Inputs:
    """Standardization of the columns. One that never varies carries no knowledge and is blanked, also on new tasks."""
    center, spread = examples.rows.mean(0), examples.rows.std(0)
    return Inputs(encoder, tuple(feature_names), center, np.where(spread < 1e-9, np.inf, spread))


def fit_targets(examples: Examples, inputs: Inputs) -> Targets:
    """scale(task) by ridge regression, then mean and standard deviation of each (s, f)."""
    logs = np.log([max(_spread(examples, task), _LEAST_SCALE) for task in range(len(examples.tasks))])  # (M,)
    features = np.array([inputs.meta_features(task) for task in examples.tasks])  # (M, F)
    gram = features.T @ features + _SCALE_RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ (logs - logs.mean()))
    shape = (SLICES + 1, SLICES + 1)
    targets = Targets(np.zeros(shape), np.ones(shape), np.ones(shape), weights, float(logs.mean()))
    change = targets.scaled_change(examples, inputs)
    mean, std = targets.mean.copy(), targets.std.copy()
    for seen, asked in np.unique(np.column_stack([examples.seen, examples.fidelity]), axis=0):
        values = change[(examples.seen == seen) & (examples.fidelity == asked)]
        mean[seen, asked], std[seen, asked] = values.mean(), max(float(values.std()), _LEAST_SCALE)
    return replace(targets, mean=mean, std=std)


def _spread(examples: Examples, task: int) -> float:
    """Standard deviation of the final gains; of all gains where a search has ended no run of the task."""
    own = (examples.seen == 0) & (examples.task == task)
    final = own & (examples.fidelity == SLICES)
    return float(examples.after[final if final.any() else own].std())


def _example_weights(examples: Examples) -> Float[np.ndarray, " e"]:
    """How often an example is drawn: half of all have seen nothing, as half of all questions of a search are about
    these."""
    fresh = examples.seen == 0
    return np.where(fresh, 0.5 / max(fresh.sum(), 1), 0.5 / max((~fresh).sum(), 1))


def _condition(kernel: DeepKernel, data: TrainingSet, rng: np.random.Generator) -> Member:
    """The trained process given a sample of the examples, at a sample of these as inducing ones."""
    # Every task alike, within a task by weight.
    shares = data.weights / np.bincount(data.tasks, weights=data.weights)[data.tasks]
    shares /= shares.sum()
    count = len(shares)
    kept = rng.choice(count, min(CONDITIONED_ON, count), replace=False, p=shares)
    inducing = rng.choice(kept, min(INDUCING, len(kept)), replace=False, p=shares[kept] / shares[kept].sum())
    posterior = condition(
        kernel.network(data.rows[kept]),
        data.targets[kept],
        kernel.network(data.rows[inducing]),
        constant=kernel.constant,
        outputscale=kernel.outputscale,
        noise=kernel.noise,
    )
    return Member(kernel.network, posterior)
