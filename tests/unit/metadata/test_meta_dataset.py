"""Reading, checking and writing meta-datasets."""

import json

import numpy as np
import pandas as pd
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import read_meta_dataset, write_meta_dataset
from foretune.metadata.frames import rows_to_frame
from foretune.metadata.shipped import shipped_meta_datasets
from foretune.types import Configuration


def test_what_is_written_is_read_back(rows, build, tmp_path):
    rows["runs"][0].update({"config.rank": None, "config.packed": True})
    meta = build(rows, command="foretune collect")
    write_meta_dataset(meta, tmp_path / "meta")
    found = read_meta_dataset(tmp_path / "meta")
    for table in ("tasks", "runs", "curves"):
        pd.testing.assert_frame_equal(getattr(found, table), getattr(meta, table))
    assert found.provenance == {"command": "foretune collect"}
    assert sorted(path.name for path in (tmp_path / "meta").iterdir()) == [
        "curves.parquet",
        "metadata.json",
        "runs.parquet",
        "tasks.parquet",
    ]


def test_writing_twice_gives_the_same_bytes(rows, build, tmp_path):
    for name in ("one", "two"):
        write_meta_dataset(build(rows), tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_metadata_json_says_units_and_version(rows, build, tmp_path):
    write_meta_dataset(build(rows), tmp_path)
    header = json.loads((tmp_path / "metadata.json").read_text())
    assert header["schema_version"] == 2
    assert header["units"]["curves"]["train_seconds"] == "seconds"
    assert header["rows"] == {"tasks": 3, "runs": 10, "curves": 28}


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


def change(table, at, **values):
    return lambda rows: rows[table][at].update(values)


def remove(table, at):
    return lambda rows: rows[table].pop(at)


def repeat(table, at):
    return lambda rows: rows[table].append(dict(rows[table][at]))


FAULTS = {
    "task twice": (repeat("tasks", 0), r"tasks.parquet, row 4 \(task 'a'\): the task 'a' occurs twice; keep one"),
    "run twice": (repeat("runs", 1), r"runs.parquet, row 11 \(run 'a-1'\): the run 'a-1' occurs twice"),
    "unknown task": (change("runs", 2, task="z"), "row 3 .*: its task 'z' is not in tasks.parquet; add the task"),
    "unknown run": (change("curves", 0, run="z"), "curves.parquet, row 1 .*: its run 'z' is not in runs.parquet"),
    "unknown status": (
        change("runs", 2, status="done"),
        "unknown status 'done'; use one of ok, diverged, out_of_memory",
    ),
    "same task": (
        change("tasks", 1, dataset="a"),
        "same dataset, model, training-set size and metric as an earlier row",
    ),
    "direction": (change("tasks", 1, direction="up"), "unknown direction 'up'; use one of minimize, maximize"),
    "versions": (change("runs", 1, versions="2.13"), "versions is '2.13'; a JSON object is expected"),
    "same run": (
        change("runs", 1, **{"config.learning_rate": 0.01}),
        "same task, configuration and seed as an earlier",
    ),
    "empty": (
        change("runs", 1, **{"config.learning_rate": None, "config.method": None, "config.rank": None}),
        "the configuration is empty",
    ),
    "infinite rate": (change("runs", 1, **{"config.learning_rate": np.inf}), "config.learning_rate is infinite"),
    "gap": (remove("curves", 1), r"curves.parquet, row 2 \(run 'a-0'\): fidelity is 3, expected the slices 1, 2"),
    "cut": (remove("curves", 8), r"runs.parquet, row 3 \(run 'a-2'\): is ok but has fewer slices .* than max_fidelity"),
    "too long": (change("tasks", 0, max_fidelity=2), "has more slices in curves.parquet than max_fidelity"),
    "no seconds": (change("curves", 0, train_seconds=0.0, evaluation_seconds=0.0), "the slice took 0 seconds"),
    "negative": (change("curves", 0, train_seconds=-1.0), "train_seconds is -1.0; at least 0 seconds is expected"),
    "share": (change("curves", 0, test_exact_match=1.5), "test_exact_match is 1.5; at most 1 is expected"),
    "infinite": (
        change("curves", 0, validation_value=np.inf),
        "validation_value is inf; only finite numbers are allowed",
    ),
    "missing": (
        change("curves", 0, validation_value=None),
        "validation_value is missing; give the task's metric on the validation split",
    ),
    "missing text": (change("tasks", 1, license=None), r"tasks.parquet, row 2 \(task 'b'\): license is missing"),
    "missing count": (change("tasks", 1, max_fidelity=None), "tasks.parquet, row 2 .*: max_fidelity is missing"),
    "shrinking": (change("curves", 1, steps=1), "steps is smaller than one slice before; give the sum"),
    "feature": (
        change("tasks", 2, **{"feature.log_train_rows": float("inf")}),
        "feature.log_train_rows is not a finite number",
    ),
    "column": (change("tasks", 2, color="red"), "tasks.parquet has the unknown columns color; remove them"),
}


@pytest.mark.parametrize(("damage", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_named_with_table_row_and_remedy(rows, build, damage, message):
    damage(rows)
    with pytest.raises(MetaDatasetError, match=message):
        build(rows)


def test_test_scores_may_be_missing(rows, build):
    for row in rows["curves"]:
        row.update({"test_value": None, "test_token_accuracy": None, "test_exact_match": None})
    assert build(rows).curves["test_value"].isna().all()


def test_a_count_may_be_missing_where_it_is_optional(rows, build):
    rows["tasks"][1].update(n_train=None, n_validation=None, n_test=None)
    assert build(rows).tasks["n_train"].isna().tolist() == [False, True, False]


def test_a_missing_column_is_named(rows, build):
    meta = build(rows)
    with pytest.raises(MetaDatasetError, match=r"runs.parquet lacks the columns hardware, seed"):
        type(meta)(meta.tasks, meta.runs.drop(columns=["seed", "hardware"]), meta.curves)


def test_a_hyperparameter_has_one_type(rows):
    rows["runs"][0]["config.rank"] = "eight"
    with pytest.raises(MetaDatasetError, match=r"'config.rank' has values of the types int, str"):
        rows_to_frame("runs", rows["runs"])


def test_a_value_of_another_type_is_named(rows):
    rows["curves"][0]["steps"] = "many"
    with pytest.raises(MetaDatasetError, match=r"curves: column 'steps' takes int64.*many"):
        rows_to_frame("curves", rows["curves"])


class TestFiles:
    @pytest.fixture
    def folder(self, rows, build, tmp_path):
        write_meta_dataset(build(rows), tmp_path)
        return tmp_path

    def test_a_folder_is_expected(self, tmp_path):
        with pytest.raises(MetaDatasetError, match="nowhere is not a folder; a meta-dataset is one with"):
            read_meta_dataset(tmp_path / "nowhere")

    def test_shipped_ones_have_names(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        assert "public-llm-v1" in shipped_meta_datasets()
        assert "tulu3" in "".join(read_meta_dataset("public-llm-v1").task_ids)

    def test_a_folder_goes_before_a_shipped_name(self, rows, build, monkeypatch, tmp_path):
        write_meta_dataset(build(rows), tmp_path / "public-llm-v1")
        monkeypatch.chdir(tmp_path)
        assert "tulu3" not in "".join(read_meta_dataset("public-llm-v1").task_ids)

    @pytest.mark.parametrize("name", ["metadata.json", "runs.parquet"])
    def test_a_missing_file_is_named(self, folder, name):
        (folder / name).unlink()
        with pytest.raises(MetaDatasetError, match=f"{name} is missing; restore it, or compile it again"):
            read_meta_dataset(folder)

    def test_a_changed_table_is_noticed(self, folder):
        (folder / "curves.parquet").write_bytes(b"PAR1")
        with pytest.raises(
            MetaDatasetError, match=r"curves.parquet is not the file that metadata.json was written for"
        ):
            read_meta_dataset(folder)

    def test_a_newer_schema_is_refused(self, folder):
        self.rewrite(folder, schema_version=3)
        with pytest.raises(MetaDatasetError, match="schema version 3, expected 2"):
            read_meta_dataset(folder)

    def test_damaged_metadata_is_named(self, folder):
        (folder / "metadata.json").write_text("{}")
        with pytest.raises(
            MetaDatasetError, match=r"metadata.json is not a meta-dataset's \(KeyError: 'schema_version'\)"
        ):
            read_meta_dataset(folder)

    def test_metadata_without_checksums_is_refused(self, folder):
        self.rewrite(folder, sha256=None)
        with pytest.raises(MetaDatasetError, match="lacks sha256"):
            read_meta_dataset(folder)

    def rewrite(self, folder, **changes):
        path = folder / "metadata.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
