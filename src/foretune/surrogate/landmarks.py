"""What one run says about a task: the curve of the reference configuration as a few numbers.

Every search begins with the same configuration (the default). How far its loss falls, how soon, and whether it rises
again tell more about which configurations suit the task than any meta-feature does: long runs do where it is still
falling at the end, short or careful ones where it overfits.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

LANDMARK_NAMES = (
    "landmark.first",
    "landmark.middle",
    "landmark.last",
    "landmark.best",
    "landmark.peak",
    "landmark.lost",
    "landmark.rise",
)
_TAIL = 0.25


def landmarks(gains: Float[np.ndarray, " T"]) -> Float[np.ndarray, " 7"]:
    """Seven numbers of a complete curve of gains (`foretune.surrogate.inputs.gain`).

    Gain after the first slice, in the middle, and at the end; the best, and at which share of the run it was; what was
    lost after it; what the last quarter added.
    """
    last, count = len(gains) - 1, len(gains)
    best = int(np.argmax(gains))
    before_tail = max(last - round(_TAIL * count), 0)
    return np.array(
        [
            gains[0],
            gains[(count - 1) // 2],
            gains[last],
            gains[best],
            (best + 1) / count,
            gains[last] - gains[best],
            gains[last] - gains[before_tail],
        ]
    )
