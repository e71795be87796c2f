from __future__ import annotations

import numpy as np
import pytest

from foretune.paper.held_out import HeldOut, inflation, summary


def held_out(mean: np.ndarray, after: np.ndarray, std: float = 1.0) -> HeldOut:
    """Fresh candidates only: (candidates, 8) predicted and true gains."""
    fidelity = np.tile(np.arange(1, 9), len(mean))
    seen = np.zeros(mean.size, dtype=int)
    return HeldOut("t", seen, fidelity, mean.reshape(-1), np.full(mean.size, std), after.reshape(-1))


def test_regret_is_zero_for_the_best_and_one_for_the_median():
    after = np.repeat([[0.0], [0.2], [0.6]], 8, axis=1)
    assert held_out(after, after).regret(1) == 0.0
    assert held_out(np.repeat([[0.0], [1.0], [0.5]], 8, axis=1), after).regret(1) == pytest.approx(1.0)
    assert held_out(np.repeat([[0.0], [1.0], [0.5]], 8, axis=1), after).regret(2) == 0.0


def test_inflation_makes_errors_as_large_as_predicted():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 2.0, (500, 8))
    factors = inflation([held_out(np.zeros((500, 8)), errors)])
    assert factors[0] == pytest.approx(np.full(9, 1.9), abs=0.15)
    assert (factors[1:] == 1.0).all()


def test_a_task_without_a_first_slice_has_no_rank_correlation_after_it():
    after = np.repeat([[0.0], [0.2], [0.6]], 8, axis=1)
    scores = held_out(after, after).scores
    assert scores == {
        "rank_correlation_unseen": pytest.approx(1.0),
        "rank_correlation_1_slice": 0.0,
        "regret_1_run": 0.0,
    }


def test_the_summary_is_the_mean_over_tasks():
    after = np.repeat([[0.0], [0.2], [0.6]], 8, axis=1)
    best, median = held_out(after, after), held_out(np.repeat([[0.0], [1.0], [0.5]], 8, axis=1), after)
    best, median = (_with_a_seen_slice(one) for one in (best, median))
    found = summary([best, median])
    assert found["tasks"] == 2.0
    assert found["regret_1_run"] == pytest.approx(0.5)
    assert found["regret_3_runs"] == 0.0


def _with_a_seen_slice(one: HeldOut) -> HeldOut:
    """One more example, for the log loss is a mean over fresh and other ones."""
    names = ("seen", "fidelity", "mean", "std", "after")
    more = dict(zip(names, (1, 8, 0.0, 1.0, 0.0), strict=True))
    return HeldOut(one.task, **{name: np.append(getattr(one, name), more[name]) for name in names})
