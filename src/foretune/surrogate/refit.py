"""Refitting a deep kernel to the task at hand, in numpy: what Quick-Tune does after every slice, and `transfer` does
not.

Symbols as in `foretune.surrogate.posterior`: network phi, inducing features Z, weights w and factor F of the posterior
that meta-learning left, constant c, outputscale s2, noise n2. It is a Gaussian process on features, with

    mean(x)     = c + k_xZ w
    cov(x, x')  = k_xx' - k_xZ F F^T k_Zx'.

The (X, y) are examples of the new task, made of its curves in the way that those of other tasks were. The weights of
phi go on from where meta-learning left them, by a few Adam steps on the negative log marginal likelihood

    L = 1/2 log |S| + 1/2 r^T S^-1 r,    S = cov(X, X) + n2 I,    r = y - mean(X),

and the process is then conditioned on (X, y), exactly. Z, w and F stay: they say what is known of a score at given
features, and what is trained is which features the new task's configurations have. Without them (`Refit.keep`) the
process is the meta-learned prior, and its three numbers are trained, too.

With a = S^-1 r and G = (S^-1 - a a^T) / 2 the gradients are dL/dk_XX = G and dL/dk_XZ = -2 G k_XZ F F^T - a w^T; a
kernel value changes with the squared distance by -5/6 s2 (1 + r) exp(-r), r = sqrt(5) times the distance. Written out,
they take a fifth of the time that automatic differentiation does on matrices this small.

Everything starts again from the meta-learned weights, so that a prediction depends on what was observed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from foretune.surrogate.examples import Run, make_examples
from foretune.surrogate.inputs import SLICES
from foretune.surrogate.performance import DeepKernelSurrogate, Member
from foretune.surrogate.posterior import Network, SparsePosterior, matern
from foretune.surrogate.protocol import Observed, Predictor
from foretune.types import Configuration, LearningCurve, Prediction, Task

_CLIP = 5.0
_DECAYS = 0.9, 0.999
_NOTHING = np.empty(0)


@dataclass(frozen=True)
class Refit:
    """How a deep kernel is refit.

    Attributes:
        steps: of Adam; 0 only conditions. 50 at this rate are what Quick-Tune's published code takes to refine a fit,
            and the most that the later library takes.
        learning_rate: of Adam.
        batch: examples that a step draws; all if there are fewer.
        ahead: of the new task's curves, examples look at most so many slices ahead.
        keep: whether what was recorded on other tasks is conditioned on, too. If not, it is in the network alone.
    """

    steps: int = 50
    learning_rate: float = 1e-3
    batch: int = 32
    ahead: int = SLICES
    keep: bool = True


@dataclass(frozen=True)
class RefittedSurrogate:
    """A performance surrogate that is refit before every prediction to all that was observed of the pool.

    Attributes:
        fitted: on other tasks.
        recipe: how to refit it.
        seed: of the examples drawn.
    """

    fitted: DeepKernelSurrogate
    recipe: Refit
    seed: int = 0

    @property
    def typical_features(self) -> Mapping[str, float]:
        """See `PerformanceSurrogate`."""
        return self.fitted.typical_features

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """See `PerformanceSurrogate.on`."""
        self.fitted.on(task, candidates)
        return _Refitting(self, task, tuple(candidates))


@dataclass(frozen=True)
class _Refitting:
    surrogate: RefittedSurrogate
    task: Task
    candidates: tuple[Configuration, ...]

    def __call__(self, observed: Observed) -> Prediction:
        curves = {one: observed[one.key] for one in self.candidates if one.key in observed}
        rng = np.random.default_rng(self.surrogate.seed)
        refitted = refit(self.surrogate.fitted, self.task, curves, self.surrogate.recipe, rng)
        return refitted.on(self.task, self.candidates)(observed)


def refit(
    surrogate: DeepKernelSurrogate,
    task: Task,
    curves: Mapping[Configuration, LearningCurve],
    recipe: Refit,
    rng: np.random.Generator,
) -> DeepKernelSurrogate:
    """The surrogate after some curves of a new task; without one as it was, if the recipe keeps what it knows."""
    start = surrogate if recipe.keep else _forgetting(surrogate)
    seen = {one: curve for one, curve in curves.items() if len(curve)}
    if not seen:
        return start
    rows, targets = new_examples(start, task, seen, recipe.ahead)
    trained = [_train(member, rows, targets, recipe, rng) for member in start.members]
    members = (Member(one.network, given(one.posterior, one.network(rows), targets)) for one in trained)
    return replace(start, members=tuple(members))


def _forgetting(surrogate: DeepKernelSurrogate) -> DeepKernelSurrogate:
    """Before any data, with the network and the kernel that were learned; the inflation belongs to the posterior."""
    members = [
        replace(
            member,
            posterior=replace(
                member.posterior,
                inducing=member.posterior.inducing[:0],
                mean_weights=member.posterior.mean_weights[:0],
                explained=member.posterior.explained[:0, :0],
            ),
        )
        for member in surrogate.members
    ]
    targets = replace(surrogate.targets, inflation=np.ones_like(surrogate.targets.inflation))
    return replace(surrogate, members=tuple(members), targets=targets)


def new_examples(
    surrogate: DeepKernelSurrogate, task: Task, curves: Mapping[Configuration, LearningCurve], ahead: int
) -> tuple[Float[np.ndarray, "n D"], Float[np.ndarray, " n"]]:
    """Rows X and targets y of a new task's curves, in the unit that the surrogate was trained in."""
    inputs, unit = surrogate.inputs, surrogate.targets
    runs = [Run(task, "", one, curve, False, _NOTHING, _NOTHING) for one, curve in curves.items()]
    examples = make_examples(runs, inputs.encoder, inputs.feature_names)
    near = examples.fidelity - examples.seen <= ahead
    at = examples.seen, examples.fidelity
    change = (examples.after - examples.before) / unit.scale(inputs.meta_features(task)[None, :])[0]
    targets = np.clip((change - unit.mean[at]) / unit.std[at], -_CLIP, _CLIP)
    return inputs.standardize(examples.rows[near]), targets[near]


def given(
    prior: SparsePosterior, features: Float[np.ndarray, "n d"], targets: Float[np.ndarray, " n"]
) -> SparsePosterior:
    """A posterior after more data, which count exactly; their features join the inducing ones.

    With S as above and L L^T = S: F becomes [[F, -F F^T k_ZX L^-T], [0, L^-T]], and w becomes
    [w - F F^T k_ZX a, a].
    """
    factor = prior.explained.astype(np.float64)
    cross = matern(features, prior.inducing, prior.outputscale)
    known = factor @ (factor.T @ cross.T)
    covariance = matern(features, features, prior.outputscale) - cross @ known
    lower = np.linalg.cholesky(covariance + prior.noise * np.eye(len(targets)))
    inverse = np.linalg.solve(lower, np.eye(len(targets))).T
    a = inverse @ (inverse.T @ (targets - prior.constant - cross @ prior.mean_weights))
    below = np.zeros((len(targets), factor.shape[1]))
    return replace(
        prior,
        inducing=np.vstack([prior.inducing, features]),
        mean_weights=np.append(prior.mean_weights - known @ a, a),
        explained=np.block([[factor, -known @ inverse], [below, inverse]]).astype(np.float32),
    )


def _train(
    member: Member,
    rows: Float[np.ndarray, "n D"],
    targets: Float[np.ndarray, " n"],
    recipe: Refit,
    rng: np.random.Generator,
) -> Member:
    """The member after some steps of Adam (Kingma and Ba, 2015), its posterior not yet conditioned."""
    values = parameters(member)
    first, second = ([np.zeros_like(value) for value in values] for _ in range(2))
    slow, slower = _DECAYS
    for step in range(1, recipe.steps + 1):
        drawn = rng.permutation(len(targets))[: recipe.batch]
        found = gradients(with_parameters(member, values), rows[drawn], targets[drawn])
        first = [slow * old + (1 - slow) * new for old, new in zip(first, found, strict=True)]
        second = [slower * old + (1 - slower) * new**2 for old, new in zip(second, found, strict=True)]
        rate = recipe.learning_rate * np.sqrt(1 - slower**step) / (1 - slow**step)
        moves = [rate * mean / (np.sqrt(square) + 1e-8) for mean, square in zip(first, second, strict=True)]
        values = [value - move for value, move in zip(values, moves, strict=True)]
    return with_parameters(member, values) if recipe.steps else member


def parameters(member: Member) -> list[np.ndarray]:
    """What is trained: weights, biases, and (c, log s2, log n2)."""
    posterior = member.posterior
    numbers = np.array([posterior.constant, np.log(posterior.outputscale), np.log(posterior.noise)])
    return [*member.network.weights, *member.network.biases, numbers]


def with_parameters(member: Member, values: Sequence[np.ndarray]) -> Member:
    """The member with these in place of its own."""
    layers = len(member.network.weights)
    constant, (outputscale, noise) = float(values[-1][0]), np.exp(values[-1][1:]).tolist()
    posterior = replace(member.posterior, constant=constant, outputscale=outputscale, noise=noise)
    return Member(Network(tuple(values[:layers]), tuple(values[layers:-1])), posterior)


def gradients(member: Member, rows: Float[np.ndarray, "n D"], targets: Float[np.ndarray, " n"]) -> list[np.ndarray]:
    """Of L by the `parameters`; those of the three numbers are 0 where w and F, which were made with them, are kept."""
    posterior, hidden = member.posterior, _hidden(member.network, rows)
    features, inducing, s2 = hidden[-1], posterior.inducing, posterior.outputscale
    cross, among = matern(features, inducing, s2), matern(features, features, s2)
    factor = posterior.explained.astype(np.float64)
    explained = cross @ factor
    inverse = np.linalg.inv(among - explained @ explained.T + posterior.noise * np.eye(len(targets)))
    a = inverse @ (targets - posterior.constant - cross @ posterior.mean_weights)
    by_among = (inverse - np.outer(a, a)) / 2.0
    by_cross = -2.0 * (by_among @ explained) @ factor.T - np.outer(a, posterior.mean_weights)
    by_features = _pulls(by_cross, features, inducing, s2) + 2.0 * _pulls(by_among, features, features, s2)
    numbers = np.array([-a.sum(), (by_among * among).sum(), posterior.noise * np.trace(by_among)])
    return [*_backward(member.network, hidden, by_features), np.zeros(3) if len(inducing) else numbers]


def _pulls(
    by_kernel: Float[np.ndarray, "n m"], left: Float[np.ndarray, "n d"], right: Float[np.ndarray, "m d"], s2: float
) -> Float[np.ndarray, "n d"]:
    """The gradient by `left` from that by the Matern kernel between `left` and `right`."""
    squared = (left**2).sum(1)[:, None] + (right**2).sum(1)[None, :] - 2.0 * left @ right.T
    r = np.sqrt(np.maximum(5.0 * squared, 0.0))
    by_squared = by_kernel * (-5.0 / 6.0 * s2) * (1.0 + r) * np.exp(-r)
    return 2.0 * (by_squared.sum(1)[:, None] * left - by_squared @ right)


def _hidden(network: Network, rows: Float[np.ndarray, "n D"]) -> list[np.ndarray]:
    """The rows, and what each layer makes of them; the last are the features."""
    layers = [rows]
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        layers.append(np.tanh(layers[-1] @ weight + bias))
    return [*layers, layers[-1] @ network.weights[-1] + network.biases[-1]]


def _backward(network: Network, hidden: Sequence[np.ndarray], by_features: np.ndarray) -> list[np.ndarray]:
    """Gradients by weights, then by biases, from that by the features."""
    by_weights, by_biases, by_output = list[np.ndarray](), list[np.ndarray](), by_features
    for weight, before in zip(reversed(network.weights), reversed(hidden[:-1]), strict=True):
        by_weights.insert(0, before.T @ by_output)
        by_biases.insert(0, by_output.sum(0))
        by_output = (by_output @ weight.T) * (1.0 - before**2)
    return [*by_weights, *by_biases]
