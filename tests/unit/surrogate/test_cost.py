from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_table import synthetic_table

from foretune.space import Encoder, load_space
from foretune.surrogate.cost import EvenCost, cost_errors, fit_cost, tells_work
from foretune.surrogate.examples import Run, read_runs
from foretune.surrogate.meta_features import has_facts
from foretune.types import Configuration


def test_seconds_of_new_tasks_are_right_within_a_fifth():
    runs = read_runs([synthetic_table()])
    held = [run for run in runs if run.family == "delta"]
    cost = fit_cost([run for run in runs if run.family != "delta"], Encoder.of(load_space("peft")))
    assert np.median(np.abs(cost_errors(cost, held))) < 0.2


def test_twice_the_epochs_cost_more_training_but_not_more_evaluation():
    table = synthetic_table()
    cost = fit_cost(read_runs([table]), Encoder.of(load_space("peft")))
    short = Configuration({**load_space("peft").default().values, "epochs": 5})
    long = Configuration({**short.values, "epochs": 10})
    one, two = cost.predict(table.task("task-0"), [short, long], np.array([1, 1]))
    assert one < two < 2 * one


def test_a_base_model_with_runs_of_its_own_has_a_factor_of_its_own():
    runs = [run for run in read_runs([synthetic_table()]) if len(run.curve)]
    slow = [
        replace(
            run,
            task=replace(run.task, model="slow"),
            train_seconds=2 * run.train_seconds,
            evaluation_seconds=2 * run.evaluation_seconds,
        )
        for run in runs[::2]
    ]
    cost = fit_cost([*runs, *slow], Encoder.of(load_space("peft")))
    task, asked = runs[0].task, [runs[0].configuration]
    known, slower, unknown = (
        cost.predict(replace(task, model=name), asked, np.array([1]))[0] for name in (task.model, "slow", "new")
    )
    assert slower / known == pytest.approx(2.0, rel=0.05)
    assert known < unknown < slower


def one_run() -> Run:
    return next(run for run in read_runs([synthetic_table()]) if len(run.curve))


def without_feature(run: Run, name: str) -> Run:
    features = {key: value for key, value in run.task.meta_features.items() if key != name}
    return replace(run, task=replace(run.task, meta_features=features))


def test_where_nothing_tells_the_work_every_slice_takes_a_second():
    """Of any configuration of any space, and as a float for each."""
    task = synthetic_table().task("task-0")
    pool = [Configuration({"trees": 3}), Configuration({"trees": 9}), Configuration({})]
    seconds = EvenCost().predict(task, pool, np.array([1, 8, 3]))
    np.testing.assert_array_equal(seconds, np.ones(3))
    assert EvenCost().predict(task, [], np.empty(0)).shape == (0,)


def test_what_nobody_has_measured_is_priced_by_its_work():
    run = one_run()
    pool = [Configuration({**run.configuration.values, "epochs": epochs}) for epochs in (1, 10)]
    short, long = EvenCost().predict(run.task, pool, np.array([1, 1]))
    assert 2.0 < long / short < 10.0  # an evaluation takes as long in both
    model = {**run.task.meta_features, "model_log_parameters": run.task.meta_features["model_log_parameters"] + 1.0}
    larger = replace(run.task, meta_features=model)
    assert EvenCost().predict(larger, pool, np.array([1, 1])) == pytest.approx([10.0 * short, 10.0 * long])


def test_a_run_tells_its_work_by_its_epochs_batch_size_and_task():
    assert tells_work(one_run())
    assert has_facts(one_run().task)


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", [None, "all"])
def test_without_a_number_of_epochs_or_batch_size_the_work_is_not_known(name, value):
    run = one_run()
    values = {**run.configuration.values, name: value}
    other = Configuration({key: one for key, one in values.items() if one is not None})
    assert not tells_work(replace(run, configuration=other))


@pytest.mark.parametrize(
    "name",
    [
        "zero_shot_nll", "log_train_rows", "log_train_tokens", "log_validation_tokens", "model_log_width",
        "model_log_parameters",
    ],
)  # fmt: skip
def test_without_a_fact_of_the_task_the_work_is_not_known(name):
    bare = without_feature(one_run(), name)
    assert not has_facts(bare.task)
    assert not tells_work(bare)


def test_meta_features_that_say_nothing_of_the_work_are_not_needed():
    assert tells_work(without_feature(one_run(), "completion_overlap"))


def test_whatever_tells_its_work_can_be_predicted():
    run = one_run()
    cost = fit_cost([run, *read_runs([synthetic_table()])[:5]], Encoder.of(load_space("peft")))
    assert np.isfinite(cost.predict(run.task, [run.configuration], np.array([1]))).all()
