"""What an optimizer may ask of a surrogate: two protocols of one method each, and the pair that is shipped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from foretune.types import Configuration, LearningCurve, Prediction, Task


@runtime_checkable
class PerformanceSurrogate(Protocol):
    """Predicts points of learning curves."""

    def predict(
        self,
        task: Task,
        configurations: Sequence[Configuration],
        curves: Sequence[LearningCurve],
        fidelities: np.ndarray,
    ) -> Prediction:
        """The score of each candidate after `fidelities[i]` slices, given what was seen of its curve.

        Args:
            task: with the meta-features the surrogate was fitted on.
            configurations: N candidates.
            curves: N prefixes, empty where nothing was trained.
            fidelities: (N,) slices, each beyond the end of its prefix.

        Returns:
            Normal distributions in the unit of `task.metric.score`.

        Raises:
            SurrogateError: if the task or a configuration is not of the kind that was learned from.
        """
        ...


@runtime_checkable
class CostSurrogate(Protocol):
    """Predicts what one slice costs."""

    def predict(self, task: Task, configurations: Sequence[Configuration], fidelities: np.ndarray) -> np.ndarray:
        """Seconds (N,) of the slice that ends at `fidelities[i]`: its training and the evaluation after it."""
        ...


@dataclass(frozen=True)
class Surrogates:
    """What one fit gives.

    Attributes:
        performance: predicts scores.
        cost: predicts seconds.
        card: where they come from, JSON-like: meta-datasets and their sha256, seed, what was left out, held-out scores.
    """

    performance: PerformanceSurrogate
    cost: CostSurrogate
    card: Mapping[str, Any] = field(default_factory=dict)
