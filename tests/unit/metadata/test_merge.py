"""Joining what several people collected."""

import copy

import pandas as pd
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.digest import data_sha256
from foretune.metadata.merge import MergePart, merge

TABLES = ("tasks", "runs", "curves")


def part(rows, *tasks):
    """The rows of some tasks, free to be changed."""
    runs = [row for row in rows["runs"] if row["task"] in tasks]
    names = {row["run"] for row in runs}
    found = {
        "tasks": [row for row in rows["tasks"] if row["task"] in tasks],
        "runs": runs,
        "curves": [row for row in rows["curves"] if row["run"] in names],
    }
    return copy.deepcopy(found)


def same(first, second):
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table))
    return first.provenance == second.provenance


def test_tasks_and_runs_are_united(rows, build):
    found = merge([MergePart("one", build(part(rows, "a", "b"))), MergePart("two", build(part(rows, "b", "c")))])
    assert found.meta.task_ids == ("a", "b", "c")
    assert sorted(found.meta.runs["run"]) == list(found.meta.runs["run"])
    assert len(found.meta.runs) == 10
    assert (found.duplicates, found.conflicts, found.partial_features) == (3, (), ())
    assert all(found.meta.curve(run) == build(rows).curve(run) for run in found.meta.runs["run"])


def test_the_order_of_the_sources_does_not_matter(rows, build):
    one, two = MergePart("one", build(part(rows, "a", "b"))), MergePart("two", build(part(rows, "b", "c")))
    assert same(merge([one, two]).meta, merge([two, one]).meta)


def test_merging_in_steps_comes_to_the_same(rows, build, tmp_path):
    one, two, three = (MergePart(name, build(part(rows, name), seed=name)) for name in ("a", "b", "c"))
    write_meta_dataset(merge([one, two]).meta, tmp_path)
    again = MergePart("both", read_meta_dataset(tmp_path))
    assert same(merge([again, three]).meta, merge([one, two, three]).meta)
    assert same(merge([again, one]).meta, again.meta)


def test_provenance_lists_the_sources(rows, build):
    defaults = {"tiny": {"rank": 8}, "small": {"rank": 16}}
    one = build(part(rows, "a"), command="collect a", defaults={"tiny": defaults["tiny"]})
    two = build(part(rows, "b"), command="collect b", defaults=defaults)
    found = merge([MergePart("two", two), MergePart("one", one)]).meta.provenance
    assert found["defaults"] == defaults
    assert [source["name"] for source in found["sources"]] == ["one", "two"]
    assert found["sources"][0]["sha256"] == data_sha256(one)
    assert found["sources"][1]["provenance"]["command"] == "collect b"


def test_other_defaults_are_refused(rows, build):
    sources = [MergePart(f"s{rank}", build(rows, defaults={"tiny": {"rank": rank}})) for rank in (8, 16)]
    with pytest.raises(
        MetaDatasetError, match=r"default configuration on 'tiny' is .*8.* in s8 and .*16.* in s16; corr"
    ):
        merge(sources)


def test_other_facts_of_a_task_are_refused(rows, build):
    other = part(rows, "a")
    other["tasks"][0].update(n_train=60, zero_shot_validation_value=4.5)
    message = "the task 'a' is not the same in mine and theirs: n_train is 50 and 60, zero_shot_validation_value is 4.0"
    with pytest.raises(MetaDatasetError, match=message):
        merge([MergePart("mine", build(rows)), MergePart("theirs", build(other))])


def test_another_machine_may_measure_a_little_differently(rows, build):
    other = part(rows, "a")
    other["tasks"][0].update(zero_shot_validation_value=4.001)
    assert merge([MergePart("mine", build(rows)), MergePart("theirs", build(other))]).duplicates == 4


def test_meta_features_that_only_some_tasks_have_are_kept_and_named(rows, build, tmp_path):
    other = part(rows, "c")
    other["tasks"][0]["feature.distinct_completions"] = 1.0
    del other["tasks"][0]["feature.log_train_rows"]
    found = merge([MergePart("one", build(part(rows, "a", "b"))), MergePart("two", build(other))])
    assert found.partial_features == ("distinct_completions", "log_train_rows")
    write_meta_dataset(found.meta, tmp_path)
    again = read_meta_dataset(tmp_path)
    assert dict(again.task("c").meta_features) == {"zero_shot_nll": 4.0, "distinct_completions": 1.0}
    assert dict(again.task("a").meta_features) == {"zero_shot_nll": 4.0, "log_train_rows": 1.7}


def test_what_one_table_does_not_know_of_a_task_comes_from_the_other(rows, build):
    other = part(rows, "a")
    for name in ("n_validation", "zero_shot_validation_value", "feature.log_train_rows"):
        del other["tasks"][0][name]
    found = merge([MergePart("theirs", build(other)), MergePart("mine", build(part(rows, "a")))]).meta
    assert found.tasks[["n_validation", "zero_shot_validation_value"]].values.tolist() == [[20, 4.0]]
    assert dict(found.task("a").meta_features) == {"zero_shot_nll": 4.0, "log_train_rows": 1.7}


def test_runs_of_one_task_get_as_many_slices_as_the_longest(rows, build):
    other = part(rows, "a")
    other["tasks"][0]["max_fidelity"] = 6
    other["runs"] = [{**other["runs"][0], "run": "a-long", "seed": 99}]
    first = [row for row in other["curves"] if row["run"] == "a-0"]
    first = [{**first[0], "steps": 10 * (at + 1), "train_seconds": 2.0, "evaluation_seconds": 0.0} for at in range(6)]
    other["curves"] = [
        {**row, "run": "a-long", "fidelity": at + 1, "validation_value": 3.0 - at / 4} for at, row in enumerate(first)
    ]
    short = build(part(rows, "a"))
    found = merge([MergePart("short", short), MergePart("long", build(other))]).meta
    assert found.tasks["max_fidelity"].tolist() == [6]
    before, after = short.curve("a-0"), found.curve("a-0")
    assert after.scores[[1, 3, 5]] == pytest.approx(before.scores)
    assert after.scores[2] == pytest.approx(before.scores[:2].mean())
    assert after.seconds.sum() == pytest.approx(before.seconds.sum())
    assert found.curve("a-long").scores.tolist() == [-3.0, -2.75, -2.5, -2.25, -2.0, -1.75]


def test_a_hyperparameter_that_is_not_whole_in_one_table_becomes_a_float_in_all(rows, build):
    other = part(rows, "c")
    for run in other["runs"]:
        run["config.rank"] = 7.5
    merged = merge([MergePart("one", build(part(rows, "a"))), MergePart("two", build(other))]).meta
    assert {merged.configurations[run].values["rank"] for run in merged.runs_of("c")} == {7.5}
    assert merged.runs["config.rank"].dtype == float


def test_hyperparameters_of_one_table_are_missing_in_the_other(rows, build):
    other = part(rows, "c")
    for run in other["runs"]:
        run["config.packed"] = True
        run["config.rank"] = 8.0
    merged = merge([MergePart("one", build(part(rows, "a"))), MergePart("two", build(other))]).meta
    assert dict(merged.configurations["a-0"].values) == {"learning_rate": 0.01, "method": "lora", "rank": 8}
    assert dict(merged.configurations["c-0"].values)["packed"] is True
    assert type(merged.configurations["c-0"].values["rank"]) is int


class TestConflicts:
    @pytest.fixture
    def sources(self, rows, build):
        other = part(rows, "a")
        other["curves"][0]["validation_value"] = 3.25
        return [MergePart("mine", build(rows)), MergePart("theirs", build(other))]

    def test_a_run_with_other_content_is_refused(self, sources):
        with pytest.raises(MetaDatasetError, match=r"'a-0' of theirs and .* 'a-0' of mine .*its slices.*keep-first"):
            merge(sources)

    def test_the_first_may_be_kept(self, sources):
        found = merge(sources, on_conflict="keep-first")
        assert (found.conflicts, found.duplicates) == (("a-0",), 3)
        assert found.meta.curve("a-0").scores[0] == -3.0
        assert merge(sources[::-1], on_conflict="keep-first").meta.curve("a-0").scores[0] == -3.25

    def test_the_same_work_under_another_name_is_a_conflict(self, rows, build):
        other = part(rows, "a")
        for table, at in (("runs", 0), *(("curves", at) for at in range(3))):
            other[table][at]["run"] = "z"
        sources = [MergePart("mine", build(rows)), MergePart("theirs", build(other))]
        with pytest.raises(MetaDatasetError, match=r"the run 'z' of theirs and the run 'a-0' of mine.*differ in run;"):
            merge(sources)
        assert merge(sources, on_conflict="keep-first").conflicts == ("z",)
