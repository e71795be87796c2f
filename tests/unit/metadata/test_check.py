"""Faults are named with the table, the row and a remedy."""

import numpy as np
import pandas as pd
import pytest

from foretune.errors import MetaDatasetError
from foretune.metadata import MetaDataset
from foretune.metadata.check import fail


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


def test_a_column_of_another_type_is_named(rows, build):
    meta = build(rows)
    for table, column, values, message in (
        ("curves", "steps", meta.curves["steps"].astype("float64"), "'steps' holds float64, expected integer; store"),
        ("curves", "epochs", meta.curves["epochs"].astype(str), "'epochs' holds (object|str), expected number"),
        ("tasks", "family", range(3), "'family' holds int64, expected text"),
        ("tasks", "feature.zero_shot_nll", list("abc"), "'feature.zero_shot_nll' holds (object|str), expected number"),
    ):
        tables = {name: getattr(meta, name) for name in ("tasks", "runs", "curves")}
        tables[table] = tables[table].assign(**{column: values})
        with pytest.raises(MetaDatasetError, match=rf"^{table}.parquet: column {message}"):
            MetaDataset(**tables)


def test_tables_without_rows_are_sound(build):
    assert build({"tasks": [], "runs": [], "curves": []}).task_ids == ()


def test_the_first_bad_row_is_named_with_its_values():
    frame = pd.DataFrame({"run": ["a", "b", "c"], "seed": [1, 2, 3], "config.x": [0, 0, 0]})
    fail("runs", frame, [False, False, False], "is {seed}", "mend it")
    with pytest.raises(MetaDatasetError, match=r"^runs.parquet, row 2 \(run 'b'\): is 2; mend it$"):
        fail("runs", frame, [False, True, True], "is {seed}", "mend it")
