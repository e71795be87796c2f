"""Which configurations are run on which tasks, in which order."""

import dataclasses

import numpy as np
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata.collection import Collection, command, plan
from foretune.metadata.source import TaskSource
from foretune.space import load_space


@pytest.fixture(scope="module")
def space():
    return load_space("peft")


@pytest.fixture
def collection(space, tmp_path):
    sources = [TaskSource(tmp_path / name, 50) for name in ("a", "b", "c")]
    return Collection(sources, "models/tiny", space, configurations=10, common=0.6, seed=3)


def rows(tokens):
    return {f"{name}@50:tiny": {"feature.log_train_tokens": tokens, "n_train": 50} for name in "abc"}


def by_task(planned):
    found = {}
    for run in planned:
        found.setdefault(run.task, []).append(run.configuration)
    return found


def test_runs_go_round_the_tasks_and_begin_with_the_default(collection, space):
    planned = plan(collection, rows(4.0))
    assert [run.task for run in planned[:6]] == ["a@50:tiny", "b@50:tiny", "c@50:tiny"] * 2
    assert [run.configuration for run in planned[:3]] == [space.default()] * 3
    assert all(len(set(drawn)) == 10 for drawn in by_task(planned).values())


def test_the_common_share_is_common_and_the_rest_is_not(collection):
    a, b, c = (set(drawn) for drawn in by_task(plan(collection, rows(4.0))).values())
    assert len(a & b & c) == len(a & b) == 6


def test_everything_follows_from_the_seed(collection):
    assert plan(collection, rows(4.0)) == plan(collection, rows(4.0))
    other = dataclasses.replace(collection, seed=4)
    ours, theirs = ({(run.task, run.configuration) for run in plan(one, rows(4.0))} for one in (collection, other))
    assert {configuration for _, configuration in ours & theirs} == {collection.space.default()}


def test_more_configurations_keep_those_of_fewer(collection):
    few, many = (
        by_task(plan(dataclasses.replace(collection, configurations=count, common=1.0), rows(4.0)))["a@50:tiny"]
        for count in (5, 10)
    )
    assert many[:5] == few


def test_long_runs_are_replaced_where_tokens_are_limited(collection, space):
    limited = dataclasses.replace(collection, max_tokens_per_run=4e4)
    for drawn in by_task(plan(limited, rows(4.0))).values():
        assert len(set(drawn)) == 10
        assert drawn[0] == space.default()
        assert all(configuration.values["epochs"] <= 4 for configuration in drawn[1:])
    assert any(one.values["epochs"] > 4 for one in by_task(plan(collection, rows(4.0)))["a@50:tiny"])


def test_the_limit_is_each_tasks_own(collection):
    limited = dataclasses.replace(collection, max_tokens_per_run=4e4)
    sizes = {**rows(2.0), "b@50:tiny": {"feature.log_train_tokens": 4.0}}
    free, held = by_task(plan(limited, sizes)), by_task(plan(limited, rows(4.0)))
    assert free["a@50:tiny"] == by_task(plan(collection, rows(2.0)))["a@50:tiny"]
    assert free["b@50:tiny"] == held["b@50:tiny"]


def test_an_impossible_limit_is_refused(collection):
    with pytest.raises(MetaDatasetError, match="hardly any configuration trains a@50 on 10 tokens or less; raise"):
        plan(dataclasses.replace(collection, max_tokens_per_run=10), rows(4.0))


def test_runs_are_named_and_seeded_by_task_configuration_and_seed(collection, space):
    first, second, *_ = plan(collection, rows(4.0))
    assert first.name == f"a@50:tiny/{space.default().key}/3"
    assert 0 <= first.seed < 2**31
    assert first.seed != second.seed


def test_repetitions_differ_in_their_seeds_alone(collection):
    once = plan(collection, rows(4.0))
    repeated = plan(dataclasses.replace(collection, repeats=2), rows(4.0))
    assert {run.name for run in once} < {run.name for run in repeated}
    assert len({run.seed for run in repeated}) == len(repeated) == 3 * len(once)
    ends = [run.name.rsplit("/", 1)[1] for run in repeated if run.task == "a@50:tiny"][:4]
    assert ends == ["3", "3.1", "3.2", "3"]
    assert len({run.configuration for run in repeated if run.task == "a@50:tiny"}) == 10


def test_the_command_names_no_path(collection, tmp_path):
    written = command(dataclasses.replace(collection, max_tokens_per_run=1e5))
    assert written.startswith("foretune collect --tasks a@50 b@50 c@50 --model tiny --space peft --configurations 10")
    assert str(tmp_path) not in written


def test_given_configurations_are_all_that_is_trained(collection, space):
    given = space.sample(6, np.random.default_rng(0))
    planned = plan(dataclasses.replace(collection, given=given, configurations=4), rows(4.0))
    assert [run.configuration for run in planned] == [one for one in given[:4] for _ in "abc"]
    longest = max(one.values["epochs"] for one in given)
    limited = dataclasses.replace(collection, given=given, max_tokens_per_run=1e4 * longest - 1)
    short = [one for one in given if one.values["epochs"] < longest]
    assert by_task(plan(limited, rows(4.0)))["a@50:tiny"] == short


def test_the_longest_runs_come_first_if_that_is_asked_for(collection):
    planned = plan(dataclasses.replace(collection, longest_first=True), rows(4.0))
    steps = [run.configuration.values["epochs"] / run.configuration.values["batch_size"] for run in planned]
    assert steps == sorted(steps, reverse=True)
    assert set(planned) == set(plan(collection, rows(4.0)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": []}, "one or more tasks of different names, got none"),
        ({"configurations": 0}, "0 configurations with a common share of 0.6 and 0 repetitions: use 1 or more"),
        ({"common": 1.5}, "a common share of 1.5"),
        ({"repeats": -1}, "-1 repetitions"),
    ],
)
def test_impossible_collections_are_refused(collection, changes, message):
    with pytest.raises(MetaDatasetError, match=message):
        dataclasses.replace(collection, **changes)


def test_the_same_task_twice_is_refused(collection):
    with pytest.raises(MetaDatasetError, match="different names, got a@50, a@50; rename or drop"):
        dataclasses.replace(collection, sources=[collection.sources[0]] * 2)
