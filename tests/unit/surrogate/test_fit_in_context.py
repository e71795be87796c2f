from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.errors import SurrogateError
from foretune.space import Encoder, load_space
from foretune.surrogate import fit_in_context as module
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.fit import fit
from foretune.surrogate.fit_in_context import fit_in_context, reference_of
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.judge import judge
from foretune.types import LearningCurve

ENCODER = Encoder.of(load_space("peft"))
NAMES = ("completion_overlap", "log_train_rows", "zero_shot_nll")


def runs() -> list[Run]:
    return read_runs([synthetic_table(tasks=6, configurations=8)])


def test_same_data_and_seed_same_surrogate():
    one, two = (fit([synthetic_table(tasks=4, configurations=6)], seed=1, kind="in-context")
                for _ in range(2))  # fmt: skip
    assert one.card == two.card
    assert isinstance(one.performance, InContextSurrogate)
    assert isinstance(two.performance, InContextSurrogate)
    np.testing.assert_array_equal(one.performance.scenarios.values, two.performance.scenarios.values)


def test_what_a_task_lacks_is_marked():
    some = runs()
    lacking = next(run for run in some if run.configuration != reference_of(some))
    kept = [run for run in some if run is not lacking]
    scenarios = fit_in_context(kept, ENCODER, NAMES).scenarios
    assert scenarios.recorded.shape == scenarios.values.shape[:2]
    assert scenarios.recorded.sum() == len({(run.task.id, run.configuration.key) for run in kept})
    assert 0.0 < scenarios.surprise < 2.0


def test_the_card_says_how_it_did_on_tasks_held_out():
    held_out = synthetic_surrogates("in-context").card["held_out"]
    assert set(held_out["by_task"]) == {f"task-{index}" for index in (0, 1, 2, 4, 5, 6)}
    assert held_out["mean"]["rank_correlation_unseen"] > 0.5
    assert {"regret_after_reference", "errors_in_std", "cost_log_error"} <= set(held_out["mean"])
    assert held_out["by_model"] == {}


def test_a_task_with_a_single_run_is_learned_from_but_judges_nothing():
    """As a search that was stopped after the default leaves it in a team's table."""
    table = synthetic_table(tasks=6, configurations=6)
    lone = table.task_ids[0]
    dropped = table.runs_of(lone)[1:]
    short = replace(
        table,
        runs=table.runs[~table.runs["run"].isin(dropped)],
        curves=table.curves[~table.curves["run"].isin(dropped)],
    )
    found = fit([short], seed=0, kind="in-context")
    assert lone in found.card["tasks"]
    assert set(found.card["held_out"]["by_task"]) == set(table.task_ids) - {lone}


def on_models(count: int) -> list[Run]:
    """The same runs, by turns on so many base models."""
    some = read_runs([synthetic_table(tasks=9, configurations=8)])
    places = {name: place for place, name in enumerate(by_task(some))}
    return [
        replace(run, task=replace(run.task, id=f"{run.task.id}@100:model-{places[run.task.id] % count}"))
        for run in some
    ]


def test_base_models_are_held_out_for_those_that_were_never_seen(monkeypatch):
    asked: list[int] = []

    def best_width(similarity, features, landmarks, labels, groups, peaks, recorded):
        asked.append(len(set(groups)))
        return float(len(asked))

    monkeypatch.setattr(module, "best_width", best_width)
    two, three = (fit_in_context(on_models(count), ENCODER, NAMES) for count in (2, 3))
    assert (two.similarity.width, two.similarity.width_elsewhere) == (1.0, 1.0)  # two models are too few
    assert (three.similarity.width, three.similarity.width_elsewhere) == (2.0, 3.0)
    assert asked == [4, 4, 3]


def test_how_far_earlier_tasks_count_depends_on_whether_the_base_model_is_known():
    some = on_models(3)
    surrogate = fit_in_context(some, ENCODER, NAMES)
    narrower = replace(surrogate.similarity, width_elsewhere=0.5 * surrogate.similarity.width_elsewhere)
    other = replace(surrogate, similarity=narrower)
    pool = list(dict.fromkeys(run.configuration for run in some))
    for name, same in (("task@100:model-0", True), ("task@100:model-9", False)):
        task = replace(some[0].task, id=name)
        before, after = (one.on(task, pool)({}).mean for one in (surrogate, other))
        assert np.array_equal(before, after) is same


def test_seeing_the_reference_helps_on_an_unseen_family():
    surrogate = synthetic_surrogates("in-context").performance
    assert isinstance(surrogate, InContextSurrogate)
    held = [run for run in read_runs([synthetic_table()]) if run.family == "delta"]
    for group in by_task(held).values():
        reference = next(run.configuration for run in group if surrogate.is_reference(run.task, run.configuration))
        scores = judge(surrogate, group, reference)
        assert scores["regret_after_reference"] <= 1.0
        assert scores["rank_correlation_1_slice"] > 0.5


def test_the_reference_is_what_most_tasks_have():
    some = runs()
    groups = list(by_task(some).values())
    counts = {run.configuration.key: sum(not other.diverged for group in groups for other in group
                                         if other.configuration == run.configuration) for run in some}  # fmt: skip
    most = reference_of(some)
    relative = {key for key, count in counts.items() if count == max(counts.values())}
    surrogate = fit_in_context(some, ENCODER, NAMES)
    assert surrogate.reference == most
    assert any(surrogate.is_reference(run.task, run.configuration) for run in some if run.configuration.key in relative)


def test_without_a_complete_run_there_is_nothing_to_learn():
    cut = [replace(run, curve=LearningCurve(run.curve.scores[:3], run.curve.seconds[:3]), diverged=True)
           for run in runs()]  # fmt: skip
    with pytest.raises(SurrogateError, match=r"no runs to learn from|no run is complete"):
        fit_in_context(cut, ENCODER, NAMES)


def test_a_reference_that_no_task_has_leaves_the_search_without_landmarks():
    """It is never complete, so that only meta-features and what is seen count."""
    one = reference_of(runs())
    stranger = replace(one, values={**one.values, "learning_rate": 0.123})
    surrogate = fit_in_context(runs(), ENCODER, NAMES, reference=stranger)
    assert np.isnan(surrogate.similarity.landmarks).all()
    run = runs()[0]
    assert np.isfinite(surrogate.on(run.task, [run.configuration])({}).mean).all()


def test_judging_takes_nothing_from_the_fit_and_can_be_left_out():
    table, told = synthetic_table(tasks=4, configurations=6), list[str]()
    judged = fit([table], seed=0, kind="in-context", progress=told.append)
    plain = fit([table], seed=0, kind="in-context", judge=False)
    assert isinstance(judged.performance, InContextSurrogate)
    assert isinstance(plain.performance, InContextSurrogate)
    np.testing.assert_array_equal(judged.performance.scenarios.values, plain.performance.scenarios.values)
    assert plain.card["held_out"] == {"mean": {}, "by_task": {}, "by_model": {}}
    assert [step.split()[0] for step in told] == ["without", "without", "without", "all", "the"]
