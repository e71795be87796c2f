from __future__ import annotations

import numpy as np

from foretune.surrogate.landmarks import LANDMARK_NAMES, landmarks


def test_each_number_says_what_its_name_says():
    gains = np.array([0.1, 0.4, 0.6, 0.8, 0.9, 1.0, 0.7, 0.5])
    found = dict(zip(LANDMARK_NAMES, landmarks(gains).tolist(), strict=True))
    assert found["landmark.first"] == 0.1
    assert found["landmark.middle"] == 0.8
    assert found["landmark.last"] == 0.5
    assert found["landmark.best"] == 1.0
    assert found["landmark.peak"] == 6 / 8
    assert found["landmark.lost"] == -0.5
    assert found["landmark.rise"] == -0.5


def test_a_run_of_one_slice_has_landmarks_too():
    assert landmarks(np.array([0.3])).tolist() == [0.3, 0.3, 0.3, 0.3, 1.0, 0.0, 0.0]
