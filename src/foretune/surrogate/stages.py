"""What a rank-trees surrogate takes a task to be, before and after its reference run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from foretune.surrogate.forest import Forest
from foretune.surrogate.inputs import SLICES
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.scaling import Scaling

TRUST_BEFORE = np.array([0.0] + [1.0] * (SLICES - 1))
TRUST_AFTER = np.append(0.0, np.linspace(4 / 7, 1.0, SLICES - 1))
"""On held-out tasks of two tables the errors were least near these: before, the center is a guess."""


@dataclass(frozen=True)
class ScaleOfLandmarks:
    """The scale of a task from the landmarks of its reference run.

    Attributes:
        scaling: of landmarks.
        weights: (8,) of scaled landmarks and 1 in its natural logarithm, by ridge regression.
    """

    scaling: Scaling
    weights: np.ndarray

    def __call__(self, reference: Float[np.ndarray, " T"]) -> float:
        """From the gains of the reference run."""
        return float(np.exp(np.append(self.scaling(landmarks(reference)[None, :])[0], 1.0) @ self.weights))


@dataclass(frozen=True)
class Stage:
    """What is known of a task before or after its reference run.

    Attributes:
        forest: to ask.
        reference: gains of the complete reference run, None before.
        missed: (8, 9) by slices seen and slices asked, see `RankTreesSurrogate`.
        trust: (8,) by slices seen, which share of its difference from what its last slice was predicted to be a curve
            keeps.
        center: gain that y_reference stands for.
        offset: y_reference.
        scale: gains per y.
    """

    forest: Forest
    reference: np.ndarray | None
    missed: np.ndarray
    trust: np.ndarray
    center: float
    offset: float
    scale: float
