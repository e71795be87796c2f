from __future__ import annotations

import numpy as np
from synthetic_table import synthetic_table

from foretune.space import Encoder, load_space
from foretune.surrogate.examples import read_runs
from foretune.surrogate.inputs import raw_rows
from foretune.surrogate.landmarks import landmarks
from foretune.surrogate.tree_rows import tree_rows

ENCODER = Encoder.of(load_space("peft"))
REFERENCE = np.array([0.1, 0.3, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4])


def questions():
    run = read_runs([synthetic_table()])[0]
    curves = [np.empty(0), np.array([0.2, 0.6, 0.5])]
    return ENCODER, ["zero_shot_nll"], run.task, [run.configuration] * 2, curves, np.array([4, 5])


def test_before_the_reference_run_the_rows_are_those_of_other_surrogates():
    np.testing.assert_array_equal(tree_rows(*questions()), raw_rows(*questions()))


def test_after_it_its_landmarks_and_what_a_curve_is_against_it_stand_beside():
    rows = tree_rows(*questions(), REFERENCE)
    width = raw_rows(*questions()).shape[1]
    np.testing.assert_array_equal(rows[:, width : width + 7], [landmarks(REFERENCE)] * 2)
    np.testing.assert_allclose(rows[:, width + 7 :], [[0, 0, 0, 0], [0.0, 0.1, 0.0, 0.1]], atol=1e-12)
