from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import TREES, bare_table, synthetic_surrogates, synthetic_table

from foretune.errors import SurrogateError
from foretune.space import Encoder, load_space
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.fit import fit
from foretune.surrogate.fit_rank_trees import EndedRuns, fit_rank_trees
from foretune.surrogate.judge import judge
from foretune.surrogate.rank_trees import RankTreesSurrogate
from foretune.types import LearningCurve

ENCODER = Encoder.of(load_space("peft"))
NAMES = ("completion_overlap", "log_train_rows", "zero_shot_nll")


def runs() -> list[Run]:
    return read_runs([synthetic_table(tasks=4, configurations=8)])


def fitted(some: list[Run], **arguments) -> RankTreesSurrogate:
    return fit_rank_trees(some, ENCODER, NAMES, TREES, **arguments)


def test_same_data_and_seed_same_surrogate_another_seed_another():
    one, two, other = (fitted(runs(), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.after.threshold, two.after.threshold)
    assert not np.array_equal(one.before.value[:5], other.before.value[:5])


def test_the_card_says_how_it_did_on_tasks_held_out():
    card = synthetic_surrogates("rank-trees").card
    assert card["kind"] == "rank-trees"
    assert set(card["held_out"]["by_task"]) == {f"task-{index}" for index in (0, 1, 2, 4, 5, 6)}
    assert {"regret_after_reference", "errors_in_std", "cost_log_error"} <= set(card["held_out"]["mean"])


def test_an_unseen_family_is_ranked():
    """With random ranks the correlation is 0, and the first choice is as good as the median."""
    surrogate = synthetic_surrogates("rank-trees").performance
    assert isinstance(surrogate, RankTreesSurrogate)
    held = [run for run in read_runs([synthetic_table()]) if run.family == "delta"]
    for group in by_task(held).values():
        scores = judge(surrogate, group)
        assert scores["rank_correlation_unseen"] > 0.5
        assert scores["rank_correlation_1_slice"] > 0.5
        assert scores["regret_3_runs"] < 1.0


def test_a_run_that_diverged_keeps_the_worst_gain_of_its_task():
    some = [run for run in runs() if run.task.id == "task-1"]
    place = next(index for index, run in enumerate(some) if len(run.gains) == 8)
    cut = LearningCurve(some[place].curve.scores[:2], some[place].curve.seconds[:2])
    some[place] = replace(some[place], curve=cut, diverged=True)
    ended = EndedRuns.of(some, some[place].configuration)
    assert ended.reference is None, "its curve tells nothing"
    assert len(ended.runs) == len(some)
    np.testing.assert_array_equal(ended.gains[place, :2], some[place].gains)
    np.testing.assert_array_equal(
        ended.gains[place, 2:], min(0.0, *(run.gains.min() for run in some if len(run.gains)))
    )


def test_runs_that_a_search_stopped_are_not_ranked():
    some = runs()
    place = next(index for index, run in enumerate(some) if len(run.gains) == 8)
    stopped = replace(some[place], curve=LearningCurve(some[place].curve.scores[:3], some[place].curve.seconds[:3]))
    group = [stopped if run is some[place] else run for run in some if run.task.id == stopped.task.id]
    assert len(EndedRuns.of(group, stopped.configuration).runs) == len(group) - 1


def test_a_reference_that_no_task_has_gives_way_to_the_most_common_one():
    usual = fitted(runs())
    stranger = replace(usual.reference, values={**usual.reference.values, "learning_rate": 0.123})
    assert fitted(runs(), reference=stranger).reference == usual.reference


def test_without_a_complete_run_there_is_nothing_to_learn():
    cut = [replace(run, curve=LearningCurve(run.curve.scores[:3], run.curve.seconds[:3]), diverged=True)
           for run in runs()]  # fmt: skip
    with pytest.raises(SurrogateError, match="no run is complete"):
        fitted(cut)


def test_tasks_of_other_slices_are_refused_with_the_remedy():
    other = [replace(run, task=replace(run.task, max_fidelity=5)) for run in runs()]
    with pytest.raises(SurrogateError, match=r"'task-0' has 5; leave it out, or fit the kind in-context"):
        fitted(other)


def test_tasks_that_are_not_described_are_refused():
    with pytest.raises(SurrogateError, match="lacks the meta-features zero_shot_nll"):
        fit([bare_table()], seed=0, kind="rank-trees", rank_trees=TREES)
