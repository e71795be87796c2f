"""Training of the multitask kernel's numbers: Adam on the marginal likelihood of a few tasks at a time, in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from foretune.surrogate.multitask import MultitaskKernel, Points

Recorded = Sequence[tuple[Points, np.ndarray]]
"""Points and targets of each task."""


@dataclass(frozen=True)
class KernelRecipe:
    """How the numbers are found.

    Attributes:
        steps: of Adam.
        learning_rate: of their logarithms.
        runs_per_step: tasks are drawn until they have so many runs together.
        runs_per_task: at most so many of each.
        row_length: where lengthscales of configurations start, and what the prior pulls them to.
        feature_length: the same for features.
        pull: weight of the squared distance of logarithms to their start, in nats.
    """

    steps: int = 60
    learning_rate: float = 0.1
    runs_per_step: int = 700
    runs_per_task: int = 100
    row_length: float = 1.5
    feature_length: float = 3.0
    pull: float = 0.1


_AMPLITUDES = (1.0, 0.37, 0.37)
_NOISE = 0.14


def train_kernel(tasks: Recorded, recipe: KernelRecipe, rng: np.random.Generator) -> MultitaskKernel:
    """The numbers under which the targets are likely; targets should have about unit variance."""
    starts = _starts(tasks, recipe)
    logs = [start.clone().requires_grad_() for start in starts]
    optimizer = torch.optim.Adam(logs, lr=recipe.learning_rate)
    for _ in range(recipe.steps):
        rows, features, owners, targets = _draw(tasks, recipe, rng)
        likelihood = _negative_log_likelihood(logs, rows, features, owners, targets)
        pulled = sum(((log - start) ** 2).sum() for log, start in zip(logs, starts, strict=True))
        optimizer.zero_grad()
        ((likelihood + recipe.pull * pulled) / len(targets)).backward()
        optimizer.step()
    lengths, feature_lengths, amplitudes, factors, noise = (log.detach().exp().numpy() for log in logs)
    return MultitaskKernel(lengths, feature_lengths, amplitudes, factors, float(noise))


def _starts(tasks: Recorded, recipe: KernelRecipe) -> list[torch.Tensor]:
    points = tasks[0][0]
    values = (
        np.full(points.rows.shape[1], recipe.row_length),
        np.full(points.features.shape[1], recipe.feature_length),
        np.array(_AMPLITUDES),
        np.ones(3),
        np.array(_NOISE),
    )
    return [torch.tensor(np.log(value), dtype=torch.float64) for value in values]


def _draw(
    tasks: Recorded, recipe: KernelRecipe, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    parts: list[tuple[Points, np.ndarray, int]] = []
    for index in rng.permutation(len(tasks)).tolist():
        points, targets = tasks[index]
        kept = rng.permutation(len(points))[: recipe.runs_per_task]
        parts.append((points.take(kept), targets[kept], index))
        if sum(len(part[1]) for part in parts) >= recipe.runs_per_step:
            break
    owners = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
    columns = (
        np.concatenate([part[0].rows for part in parts]),
        np.concatenate([part[0].features for part in parts]),
        owners,
        np.concatenate([part[1] for part in parts]),
    )
    rows, features, owned, targets = (torch.from_numpy(column) for column in columns)
    return rows, features, owned, targets


def _negative_log_likelihood(
    logs: Sequence[torch.Tensor],
    rows: torch.Tensor,
    features: torch.Tensor,
    owners: torch.Tensor,
    targets: torch.Tensor,
) -> torch.Tensor:
    lengths, feature_lengths, amplitudes, factors, noise = (log.exp() for log in logs)
    distances = _squared_distances(rows / lengths)
    terms = [
        amplitude * torch.exp(-0.5 * distances / factor**2)
        for amplitude, factor in zip(amplitudes, factors, strict=True)
    ]
    alike = torch.exp(-0.5 * _squared_distances(features / feature_lengths))
    same = (owners[:, None] == owners[None, :]).double()
    covariance = terms[0] + terms[1] * alike + terms[2] * same + (noise + 1e-6) * torch.eye(len(rows)).double()
    lower = torch.linalg.cholesky(covariance)
    solved = torch.cholesky_solve(targets[:, None], lower)[:, 0]
    return 0.5 * targets @ solved + torch.log(torch.diagonal(lower)).sum()


def _squared_distances(scaled: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n n"]:
    norms = (scaled**2).sum(1)
    return (norms[:, None] + norms[None, :] - 2.0 * scaled @ scaled.T).clamp_min(0.0)
