from __future__ import annotations

import pytest
from synthetic_table import synthetic_table

from foretune.errors import SurrogateError
from foretune.metadata import MetaDataset
from foretune.surrogate.fit import data_sha256, fit


def few() -> MetaDataset:
    return synthetic_table(tasks=4, configurations=6)


def test_what_is_left_out_is_not_learned_from_and_is_recorded():
    card = fit([few()], seed=0, exclude_families=["beta"], exclude_tasks=["task-0"]).card
    assert card["tasks"] == ["task-2", "task-3"]
    assert card["excluded_families"] == ["beta"]
    assert card["excluded_tasks"] == ["task-0"]
    assert set(card["held_out"]["by_task"]) == {"task-2", "task-3"}


def test_leaving_out_what_is_not_there_is_a_mistake():
    with pytest.raises(SurrogateError, match="cannot leave out omega: there is no such family or task"):
        fit([few()], seed=0, exclude_families=["omega"])


def test_one_task_teaches_nothing_that_carries_over():
    with pytest.raises(SurrogateError, match="at least 2 tasks"):
        fit([few()], seed=0, exclude_tasks=["task-0", "task-1", "task-2"])


def test_runs_of_another_space_are_refused_with_the_remedy():
    from foretune.space import SearchSpace, load_space

    other = load_space("peft-and-full")
    assert isinstance(other, SearchSpace)
    table = few()
    runs = table.runs.copy()
    runs["config.method"] = "unheard_of"
    with pytest.raises(SurrogateError, match="search space"):
        fit([MetaDataset(table.tasks, runs, table.curves)], seed=0, space=other)


def test_the_digest_follows_every_value():
    table = few()
    curves = table.curves.copy()
    curves.loc[3, "train_seconds"] += 1e-9
    assert data_sha256(table) == data_sha256(few())
    assert data_sha256(MetaDataset(table.tasks, table.runs, curves)) != data_sha256(table)


def test_tasks_that_lack_what_all_others_tell_are_learned_from_and_not_judged():
    table = synthetic_table()
    tasks = table.tasks.copy()
    lacking = tasks["task"][(tasks["family"] == "delta")]
    tasks.loc[lacking.index, "feature.model_log_parameters"] = float("nan")
    fitted = fit([MetaDataset(tasks, table.runs, table.curves)], seed=0)
    assert set(fitted.card["tasks"]) - set(fitted.card["held_out"]["by_task"]) == set(lacking)
    assert len(lacking) == 2
