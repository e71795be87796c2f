"""What an optimizer may ask of a surrogate, and the pair that is shipped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from foretune.types import Configuration, LearningCurve, Prediction, Task

Observed = Mapping[str, LearningCurve]
"""`Configuration.key` -> what was seen of it."""


class Predictor(Protocol):
    """What a performance surrogate knows of one pool of candidates on one task."""

    def __call__(self, observed: Observed) -> Prediction:
        """The score of every candidate after every slice, given what was seen of this task.

        Depends on `observed` alone, whatever was asked before.

        Args:
            observed: by `Configuration.key`, what was seen of candidates so far.

        Returns:
            Normal distributions (N, T) in the unit of `task.metric.score`. Slices that were seen are as they were, with
            a tiny standard deviation.
        """
        ...


@dataclass(frozen=True)
class Outcomes:
    """How a task may turn out: like one of K earlier ones.

    Attributes:
        weights: (K,) probabilities of the earlier tasks.
        gains: (K, N, T) of every candidate after every slice if the task is like each of them, see
            `foretune.surrogate.gains`.
        own: standard deviation, in gains, of what a run has of its own.
        level: standard deviation, in gains, by which all runs that were not begun may be off together.
    """

    weights: np.ndarray
    gains: np.ndarray
    own: float
    level: float = 0.0

    @property
    def mean(self) -> Float[np.ndarray, "N T"]:
        """Expected gains."""
        return np.tensordot(self.weights, self.gains, 1)


@runtime_checkable
class PredictsOutcomes(Predictor, Protocol):
    """A predictor that says which earlier tasks a new one may be like."""

    def outcomes(self, observed: Observed) -> Outcomes:
        """The same question as that of `Predictor`."""
        ...


@runtime_checkable
class PerformanceSurrogate(Protocol):
    """Predicts learning curves."""

    @property
    def typical_features(self) -> Mapping[str, float]:
        """Meta-features that it reads -> their mean over the tasks learned from."""
        ...

    @property
    def recorded(self) -> tuple[Configuration, ...]:
        """Configurations that were run on earlier tasks and of which more is known than of others, relative to the
        width of the base model; empty if there is no difference."""
        ...

    def on(self, task: Task, candidates: Sequence[Configuration]) -> Predictor:
        """Predictions for a pool of N candidates.

        Args:
            task: with the meta-features the surrogate was fitted on.
            candidates: the pool, each once.

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


@runtime_checkable
class MemorySurrogate(Protocol):
    """Predicts what a run needs."""

    def predict(self, task: Task, configurations: Sequence[Configuration]) -> np.ndarray:
        """Bytes (N,) at the peak of a run."""
        ...


@dataclass(frozen=True)
class Surrogates:
    """What one fit gives.

    Attributes:
        performance: predicts scores.
        cost: predicts seconds.
        memory: predicts bytes, where peaks were recorded.
        card: where they come from, JSON-like: meta-datasets and their sha256, seed, what was left out, held-out scores.
    """

    performance: PerformanceSurrogate
    cost: CostSurrogate
    card: Mapping[str, Any] = field(default_factory=dict)
    memory: MemorySurrogate | None = None
