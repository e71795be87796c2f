"""A meta-dataset in memory: configurations, curves, tasks and parts."""

import numpy as np
import pytest

from foretune.errors import MetaDatasetError
from foretune.types import Configuration


def test_a_configuration_has_only_the_hyperparameters_it_was_given(rows, build):
    rows["runs"][0]["config.rank"] = None
    meta = build(rows)
    assert meta.configurations["a-0"] == Configuration({"method": "lora", "learning_rate": 0.01})
    assert meta.configurations["b-0"] == Configuration({"method": "lora", "learning_rate": 0.01, "rank": 8})
    assert type(meta.configurations["b-0"].values["rank"]) is int


def test_curves_are_scores_and_seconds_of_whole_slices(rows, build):
    curve = build(rows).curve("a-0")
    np.testing.assert_array_equal(curve.scores, [-3.0, -2.0, -2.5])
    np.testing.assert_array_equal(curve.seconds, [2.5, 2.5, 2.5])


def test_a_run_that_failed_at_once_has_an_empty_curve(rows, build):
    rows["runs"][-1]["status"] = "out_of_memory"
    rows["curves"].pop()
    assert len(build(rows).curve("a-diverged")) == 0


def test_tasks_carry_their_meta_features(rows, build):
    task = build(rows).task("c")
    assert (task.id, task.max_fidelity, task.metric.name) == ("c", 3, "validation_nll")
    assert dict(task.meta_features) == {"zero_shot_nll": 4.0, "log_train_rows": 1.7}


def test_select_keeps_the_runs_of_some_tasks(rows, build):
    part = build(rows).select(["a"])
    assert part.task_ids == ("a",)
    assert part.runs_of("a") == ("a-0", "a-1", "a-2", "a-diverged")
    assert len(part.curves) == 10


@pytest.mark.parametrize("ask", [lambda meta: meta.task("z"), lambda meta: meta.select(["z"])])
def test_an_unknown_task_is_named_with_those_there_are(rows, build, ask):
    with pytest.raises(MetaDatasetError, match=r"no task '?z'? in this meta-dataset; it has a, b, c"):
        ask(build(rows))


def test_an_unknown_run_is_named(rows, build):
    with pytest.raises(MetaDatasetError, match="no run 'z'"):
        build(rows).curve("z")
