from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.surrogate.examples import Run, read_runs
from foretune.surrogate.judge import can_be_judged, folds, judge
from foretune.types import VALIDATION_NLL, Configuration, LearningCurve, Prediction, Task


def test_folds_hold_out_each_task_once_and_split_no_family():
    table = synthetic_table()
    parts = folds(read_runs([table]), 3, np.random.default_rng(0))
    assert sorted(task for part in parts for task in part) == sorted(table.task_ids)
    families = [{table.families[task] for task in part} for part in parts]
    assert all(not left & right for i, left in enumerate(families) for right in families[:i])


def test_folds_split_tasks_where_families_are_few():
    few = synthetic_table().select(["task-0", "task-4", "task-1"])
    parts = folds(read_runs([few]), 3, np.random.default_rng(0))
    assert sorted(map(len, parts)) == [1, 1, 1]


TRUE = np.array([-1.0, -3.0, -2.0, -1.5])
"""Losses of four configurations with their sign turned; the median is -1.75."""


class Told:
    """Predicts what it is told to, and better ones once the reference was seen."""

    recorded: tuple[Configuration, ...] = ()
    typical_features: Mapping[str, float] = {}

    def __init__(self, unseen: Sequence[float], after: Sequence[float]) -> None:
        self.unseen, self.after = np.array(unseen), np.array(after)

    def on(self, task, candidates):
        return self

    def __call__(self, observed):
        mean = (self.after if observed else self.unseen)[:, None]
        return Prediction(mean, np.full(mean.shape, 0.5))


def made_up_runs(peaks: Sequence[float] = TRUE.tolist()) -> list[Run]:
    """One of each configuration, of a slice; a configuration that diverged has none."""
    task = Task("made up", VALIDATION_NLL, {}, max_fidelity=1)
    found = []
    for rank, peak in enumerate(peaks, start=1):
        curve = LearningCurve([peak] if np.isfinite(peak) else [], [1.0] if np.isfinite(peak) else [])
        about = task, "family", Configuration({"rank": rank}), curve, not np.isfinite(peak)
        found.append(Run(*about, np.ones(len(curve)), np.ones(len(curve))))
    return found


def test_scores_are_those_of_the_best_predicted_configurations():
    """Predicted best is the second, then the third and the fourth; after the reference, which is the third, the
    fourth."""
    some = made_up_runs()
    told = Told([-4.0, -1.0, -2.0, -3.0], [-2.0, -4.0, -1.0, -1.5])
    found = judge(told, some, some[2].configuration)
    assert found["regret_1_run"] == pytest.approx(2.0 / 0.75)
    assert found["regret_3_runs"] == pytest.approx(0.5 / 0.75)
    assert found["regret_after_reference"] == pytest.approx(0.5 / 0.75)
    assert found["rank_correlation_unseen"] == pytest.approx(-1.0)
    assert found["rank_correlation_1_slice"] == pytest.approx(0.2)
    assert found["errors_in_std"] == pytest.approx(np.quantile([6.0, 4.0, 0.0, 3.0], 0.8))


def test_a_reference_that_was_not_run_says_nothing():
    assert "regret_after_reference" not in judge(Told([0.0] * 4, [0.0] * 4), made_up_runs(), Configuration({"rank": 9}))


def test_a_run_that_diverged_is_as_bad_as_the_worst():
    some = made_up_runs([-1.0, -np.inf, -2.0, -1.5])
    found = judge(Told([-4.0, -1.0, -2.0, -3.0], [0.0] * 4), some)
    assert found["regret_1_run"] == pytest.approx(1.0 / 0.75)


def test_a_task_can_be_judged_by_two_configurations_one_of_which_has_a_slice():
    assert can_be_judged(made_up_runs([-1.0, -np.inf]))
    assert not can_be_judged(made_up_runs([-1.0]))
    assert not can_be_judged(made_up_runs([-np.inf, -np.inf]))
    one = made_up_runs([-1.0])
    assert not can_be_judged([*one, *one])
