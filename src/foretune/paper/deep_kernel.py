"""The deep kernel (Wilson et al., 2016) and its training with gpytorch: a network and a Matern kernel on top of it.

Symbols (an array's shape is in brackets):

    B        examples of a step: some of each of a few tasks
    X        (B, D) their standardized rows, y (B,) their targets (`foretune.paper.performance`)
    phi      network from D columns to d features
    k        Matern-5/2 kernel on features, with d lengthscales and an outputscale; noise and constant mean

Each Adam step lowers the negative log marginal likelihood of that small Gaussian process,

    -log N(y; c, k(phi(X), phi(X)) + noise I) / B.

Drawing tasks first keeps large tasks from drowning small ones. For some of the drawn tasks the meta-features are
blanked (set to their mean), so that the network cannot lean on recognising a training task by them; with two or three
dozen tasks that is the main way to overfit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import gpytorch
import numpy as np
import torch
from jaxtyping import Float, Int

from foretune.paper.posterior import Network


@dataclass(frozen=True)
class Recipe:
    """How a deep kernel is trained.

    Attributes:
        hidden: units of the hidden layers.
        features: outputs of the network, inputs of the kernel.
        steps: at most so many Adam steps.
        check_every: steps between snapshots, among which held-out tasks choose.
        tasks_per_step: drawn without replacement, fewer if there are fewer.
        examples_per_task: drawn from each of them.
        blank_tasks: share of drawn tasks whose meta-features are blanked.
        learning_rate: of Adam, falling to a tenth along a cosine.
        weight_decay: of the network's matrices.
    """

    hidden: tuple[int, ...] = (64, 32)
    features: int = 8
    steps: int = 600
    check_every: int = 100
    tasks_per_step: int = 8
    examples_per_task: int = 24
    blank_tasks: float = 0.3
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3


@dataclass(frozen=True)
class DeepKernel:
    """What training gives: features and the kernel's three numbers, in numpy."""

    network: Network
    constant: float
    outputscale: float
    noise: float


@dataclass(frozen=True)
class TrainingSet:
    """Standardized examples.

    Attributes:
        rows: (E, D).
        targets: (E,).
        tasks: (E,) index of the task each comes from.
        weights: (E,) how often an example is drawn, relative to the others of its task.
        blanked: (D,) True for the columns that hold meta-features.
    """

    rows: Float[np.ndarray, "e D"]
    targets: Float[np.ndarray, " e"]
    tasks: Int[np.ndarray, " e"]
    weights: Float[np.ndarray, " e"]
    blanked: np.ndarray


def _layers(sizes: list[int], rng: np.random.Generator) -> torch.nn.Sequential:
    """A perceptron whose start is drawn from `rng`, not from torch's global generator."""
    modules: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        # On the device "meta" nothing is drawn; what is loaded then takes the place of what was not.
        linear = torch.nn.Linear(inputs, outputs, device="meta")
        weight = torch.from_numpy(rng.normal(0.0, inputs**-0.5, (outputs, inputs)))
        linear.load_state_dict({"weight": weight, "bias": torch.zeros(outputs).double()}, assign=True)
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


def _batches(
    data: TrainingSet, recipe: Recipe, rng: np.random.Generator
) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    members = [np.flatnonzero(data.tasks == task) for task in np.unique(data.tasks)]
    shares = [data.weights[rows] / data.weights[rows].sum() for rows in members]

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        chosen = rng.permutation(len(members))[: recipe.tasks_per_step]
        picks = [rng.choice(members[task], recipe.examples_per_task, p=shares[task]) for task in chosen]
        rows = data.rows[np.concatenate(picks)].copy()
        blank = np.repeat(rng.random(len(chosen)) < recipe.blank_tasks, recipe.examples_per_task)
        rows[np.ix_(blank, data.blanked)] = 0.0
        return torch.from_numpy(rows), torch.from_numpy(data.targets[np.concatenate(picks)])

    return draw


@dataclass(frozen=True)
class _Modules:
    """What is trained: the network, and on top of it a Gaussian process with a constant mean."""

    layers: torch.nn.Sequential
    mean: gpytorch.means.ConstantMean
    matern: gpytorch.kernels.MaternKernel
    scaled: gpytorch.kernels.ScaleKernel
    likelihood: gpytorch.likelihoods.GaussianLikelihood

    def loss(self, rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Negative log marginal likelihood of the targets, per example."""
        features = self.layers(rows)
        prior = gpytorch.distributions.MultivariateNormal(self.mean.forward(features), self.scaled(features))
        return -self.likelihood(prior).log_prob(targets) / len(targets)

    def groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """For Adam: the kernel's few numbers move faster and do not decay."""
        numbers = [*self.mean.parameters(), *self.scaled.parameters(), *self.likelihood.parameters()]
        return [
            {"params": self.layers.parameters(), "weight_decay": recipe.weight_decay},
            {"params": numbers, "lr": 4 * recipe.learning_rate},
        ]

    def snapshot(self) -> DeepKernel:
        """A copy in numpy; the lengthscales go into the last layer."""
        linears = [layer for layer in self.layers if isinstance(layer, torch.nn.Linear)]
        weights = [linear.weight.detach().numpy().T.copy() for linear in linears]
        biases = [linear.bias.detach().numpy().copy() for linear in linears]
        lengthscales = self.matern.lengthscale.detach().numpy().reshape(-1)
        weights[-1], biases[-1] = weights[-1] / lengthscales, biases[-1] / lengthscales
        return DeepKernel(
            network=Network(tuple(weights), tuple(biases)),
            constant=float(next(self.mean.parameters()).item()),
            outputscale=float(self.scaled.outputscale.item()),
            noise=float(self.likelihood.noise.item()),
        )


def _modules(columns: int, recipe: Recipe, rng: np.random.Generator) -> _Modules:
    matern = gpytorch.kernels.MaternKernel(nu=2.5, ard_num_dims=recipe.features)
    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    likelihood.noise = torch.tensor(0.3, dtype=torch.float64)
    return _Modules(
        layers=_layers([columns, *recipe.hidden, recipe.features], rng),
        mean=gpytorch.means.ConstantMean().double(),
        matern=matern,
        scaled=gpytorch.kernels.ScaleKernel(matern).double(),
        likelihood=likelihood,
    )


def train(data: TrainingSet, recipe: Recipe, rng: np.random.Generator) -> Iterator[tuple[int, DeepKernel]]:
    """Trains from scratch; yields (step, what was learned so far) every `recipe.check_every` steps and at the end."""
    modules = _modules(data.rows.shape[1], recipe, rng)
    optimizer = torch.optim.AdamW(modules.groups(recipe), lr=recipe.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps, eta_min=recipe.learning_rate / 10)
    draw = _batches(data, recipe, rng)
    for step in range(1, recipe.steps + 1):
        loss = modules.loss(*draw())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % recipe.check_every == 0 or step == recipe.steps:
            yield step, modules.snapshot()
