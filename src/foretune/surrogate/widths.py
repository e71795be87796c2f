"""At which distance earlier tasks stop to count: the width that ranks configurations best on tasks held out.

Each earlier task in turn is predicted from those of other groups (families, or base models), as a weighted mean of the
best values of their configurations, before and after the reference run is known. A table of many tasks has near ones
for most, and a narrow width suits it; one of few tasks has to make do with far ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from foretune.metadata.ranks import spearman
from foretune.surrogate.similarity import Labels, Similarity, differing_labels

WIDTHS = (0.3, 0.4, 0.5, 0.64, 0.8, 1.0)
LEAST_GROUPS = 3


def best_width(
    similarity: Similarity,
    features: Float[np.ndarray, "M F"],
    landmarks: Float[np.ndarray, "M L"],
    labels: Sequence[Labels],
    groups: Sequence[str],
    peaks: Float[np.ndarray, "M C"],
    recorded: np.ndarray,
) -> float:
    """Of `WIDTHS`; that of `similarity` where there are too few tasks to hold any out.

    Args:
        similarity: of the M tasks, of any width.
        features: of the tasks, as they are.
        landmarks: of their reference runs, as they are; NaN for a task without one.
        labels: of the tasks.
        groups: that the tasks are held out with; where there are less than three, single tasks are.
        peaks: best value of each configuration on each task, gaps filled.
        recorded: (M, C) which of them were run.
    """
    numbers = _numbers(groups)
    if len(np.unique(numbers)) < LEAST_GROUPS:
        return similarity.width
    scores = np.zeros(len(WIDTHS))
    for task, number in enumerate(numbers):
        others, ran = np.flatnonzero(numbers != number), recorded[task]
        differing = differing_labels(labels[task], labels)
        for known in (None, landmarks[task]):
            squared = similarity.squared(features[task], known, differing)[others]
            for place, width in enumerate(WIDTHS):
                weights = replace(similarity, width=width).closeness(squared)
                scores[place] += spearman(weights @ peaks[np.ix_(others, ran)], peaks[task, ran])
    return WIDTHS[int(np.argmax(scores))]


def _numbers(groups: Sequence[str]) -> Int[np.ndarray, " M"]:
    _, numbers = np.unique(np.array(groups, dtype=str), return_inverse=True)
    return numbers if len(np.unique(numbers)) >= LEAST_GROUPS else np.arange(len(groups))
