"""Is this a meta-dataset? Every error names the table, the row, the expectation and a remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata.frames import columns_of, is_free
from foretune.metadata.schema import CONFIGURATION_PREFIX, DIRECTIONS, FEATURE_PREFIX, STATUSES, TABLES, Column
from foretune.parsing import parse_json
from foretune.types import Status


def check_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check each table by itself and all of them together.

    Args:
        tables: `tasks`, `runs` and `curves`, each with rows numbered from 0.

    Raises:
        MetaDatasetError: at the first fault.
    """
    for name in TABLES:
        _check_columns(name, tables[name])
        for column in TABLES[name]:
            _check_values(name, tables[name], column)
    tasks, runs, curves = tables["tasks"], tables["runs"], tables["curves"]
    _check_free_columns(tasks, runs)
    _check_keys(tasks, runs, curves)
    _check_tasks(tasks)
    _check_runs(runs)
    _check_curves(curves)
    _check_completeness(tasks, runs, curves)


def fail(table: str, frame: pd.DataFrame, bad: Any, problem: str, remedy: str) -> None:
    """Raise if any row is marked bad, naming the first one.

    Args:
        table: its name.
        frame: its rows.
        bad: one boolean a row.
        problem: in words; `{column}` stands for the row's value.
        remedy: what the user can do.

    Raises:
        MetaDatasetError: if there is one.
    """
    if not np.any(bad):
        return
    at = int(np.argmax(np.asarray(bad, dtype=bool)))
    key = "task" if table == "tasks" else "run"
    name = f" ({key} {frame[key].iloc[at]!r})" if key in frame else ""
    raise MetaDatasetError(f"{table}.parquet, row {at + 1}{name}: {problem.format(**_cells(frame, at))}; {remedy}")


def _cells(frame: pd.DataFrame, at: int) -> dict[str, object]:
    return {str(name): frame[name].iloc[at] for name in frame.columns if "." not in str(name)}


def _check_columns(table: str, frame: pd.DataFrame) -> None:
    listed, given = set(columns_of(table)), {str(name) for name in frame.columns}
    if absent := sorted(listed - given):
        raise MetaDatasetError(
            f"{table}.parquet lacks the columns {', '.join(absent)}; write it with this version's write_meta_dataset"
        )
    if unknown := sorted(name for name in given - listed if not is_free(table, name)):
        raise MetaDatasetError(
            f"{table}.parquet has the unknown columns {', '.join(unknown)}; remove them, or begin the names of "
            f"hyperparameters with {CONFIGURATION_PREFIX!r} (runs) and of meta-features with {FEATURE_PREFIX!r} (tasks)"
        )


def _check_values(table: str, frame: pd.DataFrame, column: Column) -> None:
    name = column.name
    values: Any = frame[name]
    _check_type(table, name, values, column.kind)
    if not column.optional:
        fail(table, frame, values.isna(), f"{name} is missing", f"give {column.meaning}, or remove the row")
    if column.kind == "text":
        return
    harmless = column.least or 0.0  # stands for a missing value
    numbers = values.astype("Float64").fillna(harmless).astype("float64")
    value = f"{name} is {{{name}}}"
    fail(table, frame, ~np.isfinite(numbers), value, "only finite numbers are allowed; correct or remove the row")
    if column.least is not None:
        fail(table, frame, numbers < column.least, value, f"at least {column.least:g} {column.unit} is expected")
    if column.most is not None:
        fail(table, frame, numbers > column.most, value, f"at most {column.most:g} is expected ({column.unit})")


def _check_type(table: str, name: str, values: Any, kind: str) -> None:
    fits = {
        "text": all(isinstance(value, str) for value in values.dropna()),
        "integer": pd.api.types.is_integer_dtype(values),
        "number": pd.api.types.is_float_dtype(values) or pd.api.types.is_integer_dtype(values),
    }
    if len(values) and not fits[kind]:
        message = f"{table}.parquet: column {name!r} holds {values.dtype}, expected {kind}; store it as that type"
        raise MetaDatasetError(message)


def _check_free_columns(tasks: pd.DataFrame, runs: pd.DataFrame) -> None:
    remedy = "correct it, or leave it empty where it is not known"
    for name in [name for name in tasks.columns if name.startswith(FEATURE_PREFIX)]:
        _check_type("tasks", name, tasks[name], "number")
        values = tasks[name].astype("float64")
        fail("tasks", tasks, np.isinf(values), f"{name} is not a finite number", remedy)
    names = [name for name in runs.columns if name.startswith(CONFIGURATION_PREFIX)]
    if len(runs):
        fail(
            "runs",
            runs,
            runs[names].isna().all(axis=1),
            "the configuration is empty",
            "give its hyperparameters, or remove it",
        )
    for name in names:
        if pd.api.types.is_float_dtype(runs[name]):
            infinite = np.isinf(runs[name].astype("float64"))
            fail(
                "runs", runs, infinite, f"{name} is infinite", "only finite hyperparameters are allowed; remove the row"
            )


def _check_keys(tasks: pd.DataFrame, runs: pd.DataFrame, curves: pd.DataFrame) -> None:
    fail("tasks", tasks, tasks["task"].duplicated(), "the task {task!r} occurs twice", "keep one of the rows")
    fail("runs", runs, runs["run"].duplicated(), "the run {run!r} occurs twice", "keep one of the rows")
    unknown = ~runs["task"].isin(tasks["task"])
    fail("runs", runs, unknown, "its task {task!r} is not in tasks.parquet", "add the task, or remove its runs")
    lost = ~curves["run"].isin(runs["run"])
    fail("curves", curves, lost, "its run {run!r} is not in runs.parquet", "add the run, or remove its slices")


def _check_tasks(tasks: pd.DataFrame) -> None:
    unknown = ~tasks["direction"].isin(DIRECTIONS)
    remedy = f"use one of {', '.join(DIRECTIONS)}"
    fail("tasks", tasks, unknown, "unknown direction {direction!r}", remedy)
    names = ["dataset", "model", "n_train", "metric"]
    same = tasks.duplicated(subset=names) & tasks["n_train"].notna()
    several = "same dataset, model, training-set size and metric as an earlier row"
    fail("tasks", tasks, same, several, "one of the two needs another name of dataset or model, or must go")


def _check_runs(runs: pd.DataFrame) -> None:
    unknown = ~runs["status"].isin(STATUSES)
    fail("runs", runs, unknown, "unknown status {status!r}", f"use one of {', '.join(STATUSES)}")
    versions = runs["versions"].map(_is_object).astype(bool)
    fail("runs", runs, ~versions, "versions is {versions!r}", 'a JSON object is expected, such as {"torch": "2.13.0"}')
    names = [name for name in runs.columns if name.startswith(CONFIGURATION_PREFIX)]
    again = runs.duplicated(subset=["task", "seed", *names])
    fail("runs", runs, again, "same task, configuration and seed as an earlier row", "keep one of the two runs")


def _is_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _check_curves(curves: pd.DataFrame) -> None:
    position = curves.groupby("run").cumcount() + 1
    gap = "fidelity is {fidelity}, expected the slices 1, 2, ... of a run in order and without gaps"
    fail("curves", curves, curves["fidelity"] != position, gap, "restore the slice that is missing, or remove the run")
    seconds = curves["train_seconds"] + curves["evaluation_seconds"]
    fail("curves", curves, seconds <= 0, "the slice took 0 seconds", "give the seconds measured, which must be above 0")
    for name in ("epochs", "steps", "tokens"):
        shrinks = curves.groupby("run")[name].diff().astype("Float64").fillna(0.0) < 0
        fail(
            "curves",
            curves,
            shrinks,
            f"{name} is smaller than one slice before",
            "give the sum since the start of the run",
        )


def _check_completeness(tasks: pd.DataFrame, runs: pd.DataFrame, curves: pd.DataFrame) -> None:
    slices = dict(zip(tasks["task"], tasks["max_fidelity"], strict=True))
    counts = Counter(curves["run"])
    limits = np.array([slices[task] for task in runs["task"]])
    lengths = np.array([counts[run] for run in runs["run"]])
    longer = "has more slices in curves.parquet than max_fidelity of its task"
    fail("runs", runs, lengths > limits, longer, "remove the slices beyond it, or correct max_fidelity")
    short = (runs["status"] == str(Status.OK)) & (lengths < limits)
    shorter = "is ok but has fewer slices in curves.parquet than max_fidelity of its task"
    fail("runs", runs, short, shorter, "restore the slices, or give the status with which it ended")
