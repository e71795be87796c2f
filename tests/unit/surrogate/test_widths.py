from __future__ import annotations

import numpy as np
import pytest

from foretune.surrogate.scaling import Scaling
from foretune.surrogate.similarity import Similarity
from foretune.surrogate.widths import WIDTHS, best_width

DEFAULT = 0.64


def chosen(features: np.ndarray, peaks: np.ndarray, families: list[str]) -> float:
    tasks = len(features)
    untold = np.full((tasks, 1), np.nan)
    scaling = Scaling.of(features)
    similarity = Similarity(
        scaling, scaling(features), Scaling.of(np.zeros_like(untold)), untold, DEFAULT, DEFAULT, 1e-6
    )
    labels = [("", "")] * tasks
    return best_width(similarity, features, untold, labels, families, peaks, np.ones(peaks.shape, dtype=bool))


def places(tasks: int) -> np.ndarray:
    return np.linspace(0.0, 1.0, tasks)[:, None]


def test_where_neighbors_alone_are_alike_they_alone_count():
    """The best configuration moves with the meta-feature, and every one is the best somewhere."""
    features = places(60)
    peaks = -np.abs(features - np.linspace(0.0, 1.0, 8))
    assert chosen(features, peaks, [str(place) for place in range(60)]) == min(WIDTHS)


def test_where_meta_features_tell_nothing_all_tasks_count():
    rng = np.random.default_rng(0)
    peaks = np.linspace(0.0, 1.0, 8) + rng.normal(0.0, 1.0, (60, 8))
    assert chosen(places(60), peaks, [str(place) for place in range(60)]) == max(WIDTHS)


def test_members_of_a_family_are_held_out_together():
    """Copies of a task would speak for a narrow width; without them only what all tasks have in common is left."""
    rng = np.random.default_rng(0)
    twins = np.repeat(np.linspace(0.0, 1.0, 8) + rng.normal(0.0, 1.0, (90, 8)), 2, axis=0)
    features = np.repeat(places(90), 2, axis=0)
    by_family = chosen(features, twins, [str(place // 2) for place in range(180)])
    assert by_family > chosen(features, twins, [str(place) for place in range(180)]) == min(WIDTHS)


@pytest.mark.parametrize("tasks", [1, 2])
def test_of_too_few_tasks_none_is_held_out(tasks):
    assert chosen(places(tasks), np.zeros((tasks, 4)), [""] * tasks) == DEFAULT
