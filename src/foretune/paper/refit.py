"""Refitting a deep kernel to the task at hand: what Quick-Tune does after every slice, and transfer only does not.

Symbols (an array's shape is in brackets), the others as in `foretune.paper.posterior`:

    X, y     (n, D) and (n,) examples of the new task, made of its curves in the way that those of other tasks were
    phi      the network; its weights go on from where meta-learning left them
    w, F, Z  the posterior that meta-learning left; they stay. It is a Gaussian process on features, with

        mean(x)     = c + k_xZ w
        cov(x, x')  = k_xx' - k_xZ F F^T k_Zx'

    S        (n, n) cov(X, X) + n2 I
    r        (n,)   y - mean(X)

A few Adam steps lower the negative log marginal likelihood

    L = 1/2 log |S| + 1/2 r^T S^-1 r + constant

over the weights of phi, and the process is then conditioned on (X, y), exactly. Z, w and F say what is known of a score
at given features, and what is trained is which features the new task's configurations have. Without them (`Refit.keep`)
the process is the meta-learned prior, and its three numbers c, s2, n2 are trained, too.

With a = S^-1 r and G = (S^-1 - a a^T) / 2 the gradients are dL/dk_XX = G and dL/dk_XZ = -2 G k_XZ F F^T - a w^T; a
kernel value changes with the squared distance by -5/6 s2 (1 + r) exp(-r), r = sqrt(5) times the distance. Written out,
they take a fifth of the time that automatic differentiation does on matrices this small, and no thread waits for
another on a busy machine.

Everything starts again from the meta-learned weights, so that a prediction depends on what was observed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from foretune.paper.examples import make_examples
from foretune.paper.performance import DeepKernelSurrogate, Member
from foretune.paper.posterior import Network, SparsePosterior, matern
from foretune.surrogate.examples import Run
from foretune.surrogate.inputs import SLICES
from foretune.surrogate.protocol import Observed, Predictor
from foretune.types import Configuration, LearningCurve, Prediction, Task

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

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        """See `PerformanceSurrogate`."""
        return self.fitted.recorded

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """See `PerformanceSurrogate.on`."""
        pool = tuple(candidates)
        self.fitted.on(task, pool)  # says what does not suit

        def predict(observed: Observed) -> Prediction:
            curves = {one: observed[one.key] for one in pool if one.key in observed}
            refitted = refit(self.fitted, task, curves, self.recipe, np.random.default_rng(self.seed))
            return refitted.on(task, pool)(observed)

        return predict


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
    members: list[Member] = []
    for network, known in ((member.network, member.posterior) for member in surrogate.members):
        nothing = known.inducing[:0], known.mean_weights[:0], known.explained[:0, :0]
        members.append(Member(network, SparsePosterior(*nothing, known.constant, known.outputscale, known.noise)))
    targets = replace(surrogate.targets, inflation=np.ones_like(surrogate.targets.inflation))
    return replace(surrogate, targets=targets, members=tuple(members))


def new_examples(
    surrogate: DeepKernelSurrogate, task: Task, curves: Mapping[Configuration, LearningCurve], ahead: int
) -> tuple[Float[np.ndarray, "n D"], Float[np.ndarray, " n"]]:
    """Rows X and targets y of a new task's curves, in the unit that the surrogate was trained in."""
    inputs = surrogate.inputs
    runs = [Run(task, "", one, curve, False, _NOTHING, _NOTHING) for one, curve in curves.items()]
    examples = make_examples(runs, inputs.encoder, inputs.feature_names)
    near = examples.fidelity - examples.seen <= ahead
    return inputs.standardize(examples.rows[near]), surrogate.targets.standardize(examples, inputs)[near]


def given(
    prior: SparsePosterior, features: Float[np.ndarray, "n d"], targets: Float[np.ndarray, " n"]
) -> SparsePosterior:
    """A posterior after more data, which count exactly; their features join the inducing ones.

    With L L^T = S: F becomes [[F, -F F^T k_ZX L^-T], [0, L^-T]], and w becomes [w - F F^T k_ZX a, a], a = S^-1 r.
    """
    factor = prior.explained.astype(np.float64)
    cross = matern(features, prior.inducing, prior.outputscale)  # k_XZ
    known = factor @ (factor.T @ cross.T)  # F F^T k_ZX
    covariance = matern(features, features, prior.outputscale) - cross @ known
    lower = np.linalg.cholesky(covariance + prior.noise * np.eye(len(targets)))  # L
    inverse = np.linalg.solve(lower, np.eye(len(targets))).T  # L^-T
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
    cross, among = matern(features, inducing, s2), matern(features, features, s2)  # k_XZ, k_XX
    factor = posterior.explained.astype(np.float64)  # F
    explained = cross @ factor  # k_XZ F
    inverse = np.linalg.inv(among - explained @ explained.T + posterior.noise * np.eye(len(targets)))  # S^-1
    a = inverse @ (targets - posterior.constant - cross @ posterior.mean_weights)
    by_among = (inverse - np.outer(a, a)) / 2.0  # G
    by_cross = -2.0 * (by_among @ explained) @ factor.T - np.outer(a, posterior.mean_weights)
    # Features stand on both sides of k_XX, hence the 2.
    by_features = _pulls(by_cross, features, inducing, s2) + 2.0 * _pulls(by_among, features, features, s2)
    numbers = np.array([-a.sum(), (by_among * among).sum(), posterior.noise * np.trace(by_among)])  # c, log s2, log n2
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
