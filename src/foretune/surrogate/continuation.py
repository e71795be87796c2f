"""How runs went on that had looked like this one.

A curve of k slices is compared with the first k slices of recorded runs by three numbers: its best gain so far, how far
its last one is below that, and how much the last slice added. What the most similar runs gained from there on, slice by
slice, is a second opinion on where the curve leads: one that minds its shape alone, as in curve extrapolation by
nearest neighbors (Chandrashekaran and Lane, 2017).

It is independent of the first opinion, so normal distributions are multiplied (Hinton, 1999): the more certain one
counts more, and a run that has begun to overfit is not hoped for as long as the tasks before it differed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from jaxtyping import Float

_MOST_RUNS = 2000
_NEIGHBORS = 60
_LEAST_STD = 1e-3

Normal = tuple[np.ndarray, np.ndarray]
"""Mean and standard deviation."""


@dataclass(frozen=True)
class Continuation:
    """Recorded runs that curves are compared with.

    Attributes:
        curves: (R, T) gains of complete runs.
    """

    curves: np.ndarray

    @classmethod
    def of(cls, curves: Float[np.ndarray, "R T"]) -> Self:
        """From all complete runs, or evenly spaced ones of very many."""
        if len(curves) > _MOST_RUNS:
            curves = curves[np.linspace(0, len(curves) - 1, _MOST_RUNS).round().astype(np.intp)]
        return cls(curves.astype(np.float32))

    def after(self, gains: Float[np.ndarray, " k"]) -> Normal:
        """Mean and standard deviation of the gains after the slices that come next, T - k of each.

        Args:
            gains: of the first k slices, 0 < k < T.
        """
        seen = len(gains)
        shapes, spread = self._shapes[seen - 1]
        apart = (((shapes - _shape(gains[None])) / spread) ** 2).sum(axis=1)
        count = min(_NEIGHBORS, len(apart))
        nearest = np.argpartition(apart, count - 1)[:count]
        added = self.curves[nearest, seen:] - self.curves[nearest, seen - 1 : seen]
        return gains[-1] + added.mean(axis=0), added.std(axis=0) + _LEAST_STD

    @cached_property
    def _shapes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of the first k slices of all runs, and how far these differ, for k from 1."""
        found = [_shape(self.curves[:, :seen]) for seen in range(1, self.curves.shape[1])]
        return [(shapes, shapes.std(axis=0) + 1e-9) for shapes in found]


def product(one: Normal, other: Normal) -> Normal:
    """Of two normal densities, normalized."""
    precision, others = one[1] ** -2.0, other[1] ** -2.0
    total = precision + others
    return (precision * one[0] + others * other[0]) / total, total**-0.5


def _shape(curves: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n 3"]:
    best = curves.max(axis=1)
    before = curves[:, :-1].max(axis=1) if curves.shape[1] > 1 else np.zeros(len(curves))
    return np.stack([best, best - curves[:, -1], best - before], axis=1)
