from __future__ import annotations

import numpy as np
import pytest
from synthetic_table import TREES, synthetic_table

from foretune.space import Encoder, load_space
from foretune.surrogate.calibration import Errors, calibrated, deviation, errors_on, join
from foretune.surrogate.examples import read_runs
from foretune.surrogate.fit_rank_trees import fit_rank_trees
from foretune.surrogate.rank_trees import RankTreesSurrogate


@pytest.fixture(scope="module")
def surrogate() -> RankTreesSurrogate:
    runs = read_runs([synthetic_table(tasks=4, configurations=8)])
    names = ("completion_overlap", "log_train_rows", "zero_shot_nll")
    return fit_rank_trees(runs, Encoder.of(load_space("peft")), names, TREES)


def test_of_normal_errors_the_deviation_is_found_that_trees_do_not_have():
    rng = np.random.default_rng(0)
    variances = rng.uniform(0.1, 0.5, size=20_000)
    errors = rng.normal(size=20_000) * np.sqrt(variances + 0.7**2)
    assert deviation(errors, variances) == pytest.approx(0.7, abs=0.02)


def test_where_trees_are_unsure_enough_nothing_is_added():
    assert deviation(np.full(10, 0.1), np.ones(10)) == pytest.approx(0.0, abs=1e-6)


def test_every_question_before_and_after_the_reference_run_has_an_error(surrogate):
    runs = read_runs([synthetic_table(tasks=4, configurations=8)])
    errors = errors_on(surrogate, runs)
    assert set(errors.stage) == {0, 1}
    assert (errors.fidelity > errors.seen).all()
    complete = sum(len(run.gains) == 8 for run in runs)
    assert ((errors.stage == 0) & (errors.seen == 7)).sum() == complete
    assert np.isfinite(errors.error).all()


def test_what_was_missed_is_added_where_it_was_missed(surrogate):
    one = Errors(*(np.full(5, value) for value in (0, 2, 3)), np.full(5, 0.9), np.full(5, 0.01))
    missed = calibrated(surrogate, join([one, one])).missed
    assert np.hypot(missed[0, 2, 3], 0.1) == pytest.approx(0.9 / 1.2816, abs=1e-3)
    assert missed[1, 2, 3] == missed[0, 2, 3], "no held-out task has a reference run"
    assert np.count_nonzero(missed) == 2
