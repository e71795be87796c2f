from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.errors import SurrogateError
from foretune.metadata.common import relative_to_width
from foretune.space import Encoder, load_space
from foretune.surrogate.examples import Run, by_task, read_runs
from foretune.surrogate.fit import fit
from foretune.surrogate.fit_in_context import fit_in_context, reference_of
from foretune.surrogate.in_context import InContextSurrogate
from foretune.surrogate.judge import judge
from foretune.surrogate.scenarios import LEAST_VALUE
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


def test_values_compare_gains_with_the_best_and_the_median_of_their_task():
    some = runs()
    surrogate = fit_in_context(some, ENCODER, NAMES)
    for index, group in enumerate(by_task(some).values()):
        worst = min(0.0, *(float(run.gains.min()) for run in group if len(run.gains)))
        gains = np.array([np.append(run.gains, np.full(8 - len(run.gains), worst)) for run in group])
        peaks = gains.max(axis=1)
        scale = peaks.max() - np.median(peaks)
        places = [surrogate.recorded.index(relative_to_width(run.configuration, 192)) for run in group]
        expected = np.maximum((gains - peaks.max()) / scale, LEAST_VALUE)
        np.testing.assert_allclose(surrogate.scenarios.values[index, places], expected, atol=1e-6)
        assert surrogate.units.log_scales[index] == pytest.approx(np.log(scale))


def test_of_repeated_runs_the_first_counts():
    some = runs()
    first = some[0]
    again = replace(first, curve=LearningCurve(first.curve.scores - 1.0, first.curve.seconds))
    once, twice = (fit_in_context(kept, ENCODER, NAMES) for kept in (some, [*some, again, again]))
    assert twice.recorded == once.recorded
    np.testing.assert_array_equal(twice.scenarios.values, once.scenarios.values)


def test_a_run_that_a_task_lacks_is_filled_in_and_no_other_is_changed():
    some = runs()
    lacking = next(run for run in some if run.configuration != reference_of(some))
    whole, part = (fit_in_context(kept, ENCODER, NAMES) for kept in (some, [run for run in some if run is not lacking]))
    assert np.isfinite(part.scenarios.values).all()
    place = whole.recorded.index(relative_to_width(lacking.configuration, 192))
    others = [part.recorded.index(one) for one in whole.recorded if one != whole.recorded[place]]
    kept = [index for index in range(len(whole.recorded)) if index != place]
    np.testing.assert_array_equal(part.scenarios.values[1:, others], whole.scenarios.values[1:, kept])


def test_origins_are_dataset_rows_and_base_model_of_each_task():
    table = synthetic_table(tasks=2, configurations=4)
    found = fit_in_context(read_runs([table]), ENCODER, NAMES).origins
    rows = table.tasks.set_index("task").loc[list(table.task_ids)]
    assert [tuple(one) for one in found] == list(zip(rows["dataset"], rows["n_train"], rows["model"], strict=True))


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


def test_judging_takes_nothing_from_the_fit_and_can_be_left_out():
    table, told = synthetic_table(tasks=4, configurations=6), list[str]()
    judged = fit([table], seed=0, kind="in-context", progress=told.append)
    plain = fit([table], seed=0, kind="in-context", judge=False)
    assert isinstance(judged.performance, InContextSurrogate)
    assert isinstance(plain.performance, InContextSurrogate)
    np.testing.assert_array_equal(judged.performance.scenarios.values, plain.performance.scenarios.values)
    assert plain.card["held_out"] == {"mean": {}, "by_task": {}, "by_model": {}}
    assert [step.split()[0] for step in told] == ["without", "without", "without", "all", "the"]
