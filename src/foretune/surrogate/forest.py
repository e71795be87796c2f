"""A forest of regression trees as plain arrays: grown by scikit-learn, kept and asked in numpy.

Extremely randomized trees (Geurts et al., 2006): thresholds are drawn, not searched, which suits a few thousand rows of
few tasks. Nothing is pickled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_LEAF = -1


@dataclass(frozen=True)
class Forest:
    """Trees whose nodes lie one after another.

    Attributes:
        roots: (trees,) first node of each.
        column: (nodes,) that is compared; -1 in a leaf.
        threshold: (nodes,) up to which a row goes left.
        left: (nodes,) next node; a leaf is its own.
        right: (nodes,) likewise.
        value: (nodes,) mean of the targets there.
        depth: of the deepest leaf.
    """

    roots: Int[np.ndarray, " r"]
    column: Int[np.ndarray, " k"]
    threshold: Float[np.ndarray, " k"]
    left: Int[np.ndarray, " k"]
    right: Int[np.ndarray, " k"]
    value: Float[np.ndarray, " k"]
    depth: int

    def predict(self, rows: Float[np.ndarray, "n D"]) -> Float[np.ndarray, " n"]:
        """Mean over the trees."""
        single = rows.astype(np.float32)  # as scikit-learn compares
        which = np.arange(len(rows))[:, None]
        node = np.tile(self.roots, (len(rows), 1))
        for _ in range(self.depth):
            goes_left = single[which, self.column[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        return self.value[node].mean(axis=1)


@dataclass(frozen=True)
class ForestRecipe:
    """How trees are grown.

    Attributes:
        trees: how many.
        least_rows: of a leaf.
        columns: share of them that each split chooses from.
    """

    trees: int = 200
    least_rows: int = 3
    columns: float = 0.4


def grow(
    rows: Float[np.ndarray, "n D"],
    targets: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"],
    recipe: ForestRecipe,
    seed: int,
) -> Forest:
    """A forest that predicts the targets."""
    from sklearn.ensemble import ExtraTreesRegressor  # noqa: PLC0415 (only fitting needs it)

    model = ExtraTreesRegressor(
        recipe.trees, min_samples_leaf=recipe.least_rows, max_features=recipe.columns, random_state=seed
    )
    trees = [one.tree_ for one in model.fit(rows, targets, sample_weight=weights).estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    own = np.concatenate([np.arange(tree.node_count) for tree in trees]) + np.repeat(
        starts, [tree.node_count for tree in trees]
    )

    def child(name: str) -> np.ndarray:
        parts = [np.asarray(getattr(tree, name)) for tree in trees]
        moved = [np.where(part == _LEAF, _LEAF, part + start) for part, start in zip(parts, starts, strict=True)]
        found = np.concatenate(moved)
        return np.where(found == _LEAF, own, found).astype(np.int32)

    columns = np.concatenate([tree.feature for tree in trees])
    return Forest(
        roots=starts.astype(np.int32),
        column=np.maximum(columns, 0).astype(np.int16),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=child("children_left"),
        right=child("children_right"),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
        depth=max(tree.max_depth for tree in trees),
    )
