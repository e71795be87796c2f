"""A forest of regression trees as plain arrays: grown by scikit-learn, kept and asked in numpy.

Extremely randomized trees (Geurts et al., 2006): thresholds are drawn, not searched, which suits a few thousand runs of
few tasks. Nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

_LEAF = -1
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Forest:
    """Trees whose nodes lie one after another, each before those below it: left of a node is the next one.

    Attributes:
        roots: (trees,) first node of each.
        column: (nodes,) that is compared; any in a leaf.
        threshold: (nodes,) up to which a row goes left; infinite in a leaf.
        right: (nodes,) where it goes else; a leaf's own place.
        value: (nodes,) weighted mean of the targets there.
        depth: of the deepest leaf.
    """

    roots: np.ndarray
    column: np.ndarray
    threshold: np.ndarray
    right: np.ndarray
    value: np.ndarray
    depth: int

    def predict(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
        """Mean over the trees."""
        return self.predict_each(rows).mean(axis=1)

    def predict_each(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n r"]:
        """Of every tree."""
        if not len(rows):
            return np.empty((0, len(self.roots)))
        parts = [self._leaves(rows[start : start + _ROWS_AT_ONCE]) for start in range(0, len(rows), _ROWS_AT_ONCE)]
        return self.value[np.concatenate(parts)].astype(np.float64)

    def _leaves(self, rows: Float[np.ndarray, "n D"]) -> Int[np.ndarray, "n r"]:
        flat = rows.astype(np.float32).ravel()  # as scikit-learn compares
        starts = (np.arange(len(rows)) * rows.shape[1])[:, None]
        is_leaf = self.right == np.arange(len(self.right))
        following = np.arange(len(self.right)) + ~is_leaf
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        for _ in range(self.depth):
            goes_left = flat[starts + self.column[node]] <= self.threshold[node]
            node = np.where(goes_left, following[node], self.right[node])
        return node


@dataclass(frozen=True)
class ForestRecipe:
    """How trees are grown.

    Attributes:
        trees: how many.
        least_rows: of a leaf.
        columns: share of them that each split chooses from.
    """

    trees: int = 100
    least_rows: int = 15
    columns: float = 0.4


def grow(
    rows: Float[np.ndarray, "n D"],
    targets: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"],
    recipe: ForestRecipe,
    seed: int,
) -> Forest:
    """A forest that predicts the targets; rows count by their weights."""
    from sklearn.ensemble import ExtraTreesRegressor  # noqa: PLC0415 (only fitting needs it)

    model = ExtraTreesRegressor(
        recipe.trees, min_samples_leaf=recipe.least_rows, max_features=recipe.columns, random_state=seed
    )
    model.fit(rows, targets, sample_weight=weights)
    return _as_arrays([one.tree_ for one in model.estimators_])


def _as_arrays(trees: Sequence[Any]) -> Forest:
    sizes = [int(tree.node_count) for tree in trees]
    starts = np.cumsum([0, *sizes[:-1]])
    first = np.repeat(starts, sizes)
    right = np.concatenate([tree.children_right for tree in trees])
    is_leaf = right == _LEAF
    thresholds = np.concatenate([tree.threshold for tree in trees])
    return Forest(
        roots=starts.astype(np.int32),
        column=np.where(is_leaf, 0, np.concatenate([tree.feature for tree in trees])).astype(np.int16),
        threshold=np.where(is_leaf, np.float32(np.inf), _rounded_down(thresholds)).astype(np.float32),
        right=np.where(is_leaf, np.arange(len(right)), right + first).astype(np.int32),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
        depth=max(int(tree.max_depth) for tree in trees),
    )


def _rounded_down(thresholds: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """In half the bits: values of 32 bits are below the result exactly if they are below the threshold."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
