from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from foretune.surrogate.arrays import flatten, restore, restore_all


@dataclass(frozen=True)
class Leaf:
    values: np.ndarray
    scale: float


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    depth: int


TREE = Tree((Leaf(np.arange(3.0), 0.5), Leaf(np.ones((2, 2)), 2.0)), depth=4)


def test_there_and_back():
    arrays = flatten(TREE, "tree")
    assert set(arrays) == {
        "tree.depth", "tree.leaves.0.values", "tree.leaves.0.scale", "tree.leaves.1.values", "tree.leaves.1.scale"
    }  # fmt: skip
    back = restore(Tree, arrays, "tree")
    assert (back.depth, back.leaves[1].scale) == (4, 2.0)
    np.testing.assert_array_equal(back.leaves[0].values, TREE.leaves[0].values)


def test_a_tuple_alone():
    assert len(restore_all(Leaf, flatten(TREE.leaves, "leaves"), "leaves")) == 2


def test_a_missing_array_is_named():
    arrays = flatten(TREE, "tree")
    del arrays["tree.leaves.1.scale"]
    with pytest.raises(KeyError, match="scale"):
        restore(Tree, arrays, "tree")
