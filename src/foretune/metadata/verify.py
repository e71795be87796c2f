"""Is this meta-dataset worth trusting? All checks of reading, and checks that take a closer look.

A new check is one decorated function, `@check("name")` over `Evidence`, which counts the rows it looked at, or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foretune.errors import MetaDatasetError
from foretune.metadata.check import fail
from foretune.metadata.dataset import MetaDataset
from foretune.metadata.read import read_header, read_meta_dataset
from foretune.metadata.schema import CONFIGURATION_PREFIX, FEATURE_PREFIX, TABLES
from foretune.metadata.shipped import meta_dataset_folder
from foretune.types import VALIDATION_NLL, Status

UNKNOWN = ("", "unknown")
"""Values of `started` that mean unknown."""
_TOLERANCE = 1e-6
_CURVE = ("validation_value", "train_seconds", "evaluation_seconds")

_READING: dict[str, tuple[str, ...]] = {
    "checksums of the files": tuple(TABLES),
    "columns, types and ranges": tuple(TABLES),
    "unique tasks, runs and configurations": ("tasks", "runs"),
    "curves are prefixes, in order": ("curves",),
    "seconds above 0": ("curves",),
}
"""Check that reading has done already -> the tables concerned."""


@dataclass(frozen=True)
class Passed:
    """A check that found nothing wrong.

    Attributes:
        name: of the check.
        rows: how many rows it concerned.
    """

    name: str
    rows: int


@dataclass(frozen=True)
class Evidence:
    """Input of the checks.

    Attributes:
        header: content of `metadata.json`.
        meta: the tables.
    """

    header: Mapping[str, Any]
    meta: MetaDataset

    @cached_property
    def last(self) -> pd.DataFrame:
        """The last slice of every run, in the order of the runs; all missing for one without a slice."""
        curves = self.meta.curves.drop_duplicates("run", keep="last").set_index("run")
        return curves.reindex(self.meta.runs["run"]).reset_index()

    @cached_property
    def task_of_runs(self) -> pd.DataFrame:
        """The row of its task for every run."""
        return self.meta.tasks.set_index("task").loc[self.meta.runs["task"]].reset_index()


Check = Callable[[Evidence], int]
CHECKS: dict[str, Check] = {}
"""Checks that reading does not do, by name."""


def check(name: str) -> Callable[[Check], Check]:
    """Enter a function into `CHECKS`."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


def verify(folder: str | Path) -> list[Passed]:
    """Check everything that is known of a meta-dataset on disk.

    Returns:
        All checks, in their order.

    Raises:
        MetaDatasetError: at the first fault, naming the file, the row, the fault and a remedy.
    """
    folder = meta_dataset_folder(folder)
    meta = read_meta_dataset(folder)
    evidence = Evidence(read_header(folder / "metadata.json"), meta)
    passed = [Passed(name, sum(len(getattr(meta, table)) for table in tables)) for name, tables in _READING.items()]
    for name, function in CHECKS.items():
        try:
            passed.append(Passed(name, function(evidence)))
        except MetaDatasetError as error:
            raise MetaDatasetError(f"{folder}: {error}") from error
    return passed


@check("row counts in metadata.json")
def check_row_counts(evidence: Evidence) -> int:
    """As many rows as `metadata.json` says."""
    counted = {table: len(getattr(evidence.meta, table)) for table in TABLES}
    said = evidence.header.get("rows")
    if said != counted:
        message = f"metadata.json: rows is {said}, the tables have {counted}; write the meta-dataset again"
        raise MetaDatasetError(message)
    return sum(counted.values())


@check("status and message agree")
def check_messages(evidence: Evidence) -> int:
    """A run that is ok has nothing to say; one that went wrong says why."""
    runs = evidence.meta.runs
    ok, silent = runs["status"] == str(Status.OK), runs["message"].str.strip() == ""
    wrong = runs["status"].isin([str(status) for status in Status if status is not Status.OK])
    fail("runs", runs, ok & ~silent, "is ok, with the message {message!r}", "empty the message, or correct the status")
    fail("runs", runs, wrong & silent, "is {status} without a message", "say in the message why it ended")
    return len(runs)


@check("start times")
def check_started(evidence: Evidence) -> int:
    """ISO 8601 in UTC, or unknown."""
    runs = evidence.meta.runs
    bad = [not _is_utc(text) for text in runs["started"]]
    remedy = "write it in UTC, such as 2026-01-31T12:00:00+00:00, or nothing if it is unknown"
    fail("runs", runs, bad, "started is {started!r}, not a time in ISO 8601 and UTC", remedy)
    return len(runs)


def _is_utc(text: str) -> bool:
    if text in UNKNOWN:
        return True
    try:
        return datetime.fromisoformat(text).utcoffset() in (None, timedelta(0))
    except ValueError:
        return False


@check("values within the metric's bounds")
def check_bounds(evidence: Evidence) -> int:
    """For instance no negative log-likelihood below 0."""
    meta, bounds = evidence.meta, {task: metric.bounds for task, metric in evidence.meta.metrics.items()}
    names = dict(zip(meta.runs["run"], meta.runs["task"], strict=True))
    _check_bounds("curves", meta.curves, [bounds[names[run]] for run in meta.curves["run"]], "")
    _check_bounds("tasks", meta.tasks, [bounds[task] for task in meta.task_ids], "zero_shot_")
    return len(meta.curves) + len(meta.tasks)


def _check_bounds(table: str, frame: pd.DataFrame, bounds: list[tuple[float, float]], prefix: str) -> None:
    lower, upper = np.array(bounds, dtype=np.float64).reshape(-1, 2).T
    for split in ("validation", "test"):
        name = f"{prefix}{split}_value"
        values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        outside = (values < lower) | (values > upper)
        fail(table, frame, outside, f"{name} is {{{name}}}, which the metric cannot be", "correct or remove the row")


@check("test values never choose")
def check_test_values(evidence: Evidence) -> int:
    """In all slices of a run, in the last alone, or only where validation is the best so far; never without validation.

    Elsewhere it would have been measured, or kept, for a reason that validation does not give.
    """
    curves, signs = evidence.meta.curves, {task: one.score(1.0) for task, one in evidence.meta.metrics.items()}
    names = dict(zip(evidence.meta.runs["run"], evidence.meta.runs["task"], strict=True))
    scores = curves["validation_value"] * [signs[names[run]] for run in curves["run"]]
    best = scores.groupby(curves["run"]).cummax() <= scores
    last = ~curves["run"].duplicated(keep="last")
    for score in ("value", "token_accuracy", "exact_match"):
        name, given = f"test_{score}", curves[f"test_{score}"].notna()
        alone = given & curves[f"validation_{score}"].isna()
        fail("curves", curves, alone, f"{name} stands without validation_{score}", "add that, or remove the test value")
        runs = given.groupby(curves["run"])
        fixed = runs.transform("all") | (last & (runs.transform("sum") == 1))
        leak = f"{name} is given where validation is not the best so far, and is missing elsewhere in the run"
        fail("curves", curves, given & ~best & ~fixed, leak, "remove that test value")
    return len(curves)


@check("epochs, steps and tokens grow")
def check_growth(evidence: Evidence) -> int:
    """Every slice trains on something, so counts of shuffled slices do not grow."""
    curves = evidence.meta.curves
    for name in ("epochs", "steps", "tokens"):
        stays = curves.groupby("run")[name].diff().astype("Float64").fillna(1.0) <= 0
        remedy = "restore the order of the slices, and give the sum since the start of the run"
        fail("curves", curves, stays, f"{name} does not grow over the slice before", remedy)
    return len(curves)


@check("complete runs trained their epochs")
def check_epochs(evidence: Evidence) -> int:
    """The last slice of an ok run ends at the configuration's epochs, give or take the rounding of a step.

    A run of fewer steps than slices goes on until every slice has one.
    """
    runs, last = evidence.meta.runs, evidence.last
    name = CONFIGURATION_PREFIX + "epochs"
    if name not in runs or not pd.api.types.is_numeric_dtype(runs[name]):
        return 0
    planned, reached, steps = (_numbers(one) for one in (runs[name], last["epochs"], last["steps"]))
    known = (runs["status"] == str(Status.OK)).to_numpy() & np.isfinite(planned) & np.isfinite(reached)
    short = known & (reached < planned * (1 - _TOLERANCE))
    few = "is ok after fewer epochs in curves.parquet than config.epochs"
    fail("runs", runs, short, few, "correct its epochs, or give the status with which it ended")
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = reached >= planned + reached / steps + _TOLERANCE
    long = known & beyond & (steps > _numbers(evidence.task_of_runs["max_fidelity"]))
    many = "trained more epochs in curves.parquet than config.epochs"
    fail("runs", runs, long, many, "correct its epochs or its configuration")
    return int(known.sum())


@check("tokens fit epochs")
def check_tokens(evidence: Evidence) -> int:
    """A run of whole epochs has trained on epochs times the tokens of one epoch (meta-feature log_train_tokens)."""
    runs, last, name = evidence.meta.runs, evidence.last, FEATURE_PREFIX + "log_train_tokens"
    if name not in evidence.task_of_runs:
        return 0
    epochs, tokens = _numbers(last["epochs"]), _numbers(last["tokens"])
    expected = epochs * 10 ** _numbers(evidence.task_of_runs[name])
    known = np.isfinite(tokens) & np.isfinite(expected) & (np.abs(epochs - np.round(epochs)) < _TOLERANCE)
    differs = known & (np.abs(tokens - expected) > 1e-3 * expected)
    found = "its tokens in curves.parquet are not its epochs times the tokens of an epoch"
    fail("runs", runs, differs, found, f"correct epochs or tokens of the run, or {name} of its task")
    return int(known.sum())


@check("meta-features repeat their columns")
def check_features(evidence: Evidence) -> int:
    """Number of training rows and zero-shot scores stand in two places of the table of tasks, and agree."""
    tasks = evidence.meta.tasks
    rows = np.log10(np.maximum(_numbers(tasks["n_train"]), 1.0))
    _check_feature(tasks, "log_train_rows", "log10 of n_train", rows)
    zero_shot = _numbers(tasks["zero_shot_validation_value"])
    ours = (tasks["metric"] == VALIDATION_NLL.name).to_numpy()
    _check_feature(tasks, "zero_shot_nll", "zero_shot_validation_value", np.where(ours, zero_shot, np.nan))
    for score in ("token_accuracy", "exact_match"):
        column = f"zero_shot_validation_{score}"
        _check_feature(tasks, f"zero_shot_{score}", column, _numbers(tasks[column]))
    return len(tasks)


def _check_feature(tasks: pd.DataFrame, feature: str, what: str, expected: np.ndarray) -> None:
    name = FEATURE_PREFIX + feature
    if name in tasks:
        differs = np.abs(_numbers(tasks[name]) - expected) > _TOLERANCE  # a missing value differs from nothing
        fail("tasks", tasks, differs, f"{name} is not {what}", "compute the meta-features of the task again")


@check("one base model, one set of meta-features")
def check_models(evidence: Evidence) -> int:
    """Tasks on a base model of the same name agree on the model's features."""
    tasks = evidence.meta.tasks
    for name in [name for name in tasks.columns if name.startswith(FEATURE_PREFIX + "model_")]:
        first = tasks.groupby("model")[name].transform("first")
        differs = (tasks[name] - first).abs() > _TOLERANCE
        other = f"{name} differs from that of an earlier task on the base model {{model!r}}"
        fail("tasks", tasks, differs, other, "give different base models different names")
    return len(tasks)


@check("no run is a copy of another")
def check_copies(evidence: Evidence) -> int:
    """No two runs have the same values and seconds in every slice.

    Runs of a single value may well be alike where nobody measured their cost; they are left out. Figures from elsewhere
    may be rounded, so copies among them are looked for only within a configuration.
    """
    meta, seen = evidence.meta, dict[tuple[bytes, str], str]()
    elsewhere = dict(zip(meta.runs["run"], meta.runs["source"].notna(), strict=True))
    exact = (evidence.task_of_runs["cost_unit"] == "seconds") & meta.runs["source"].isna()
    measured = dict(zip(meta.runs["run"], exact, strict=True))
    copied = np.zeros(len(meta.runs), dtype=bool)
    first = dict[str, str]()
    places = {run: place for place, run in enumerate(meta.runs["run"])}
    tasks = dict(zip(meta.runs["run"], meta.runs["task"], strict=True))
    for name, curve in meta.curves.groupby("run", sort=False):
        values = curve[list(_CURVE)].to_numpy(dtype=np.float64)
        run = str(name)
        if measured[run] or np.ptp(values[:, 0]) > 0:
            work = f"{tasks[run]} {meta.configurations[run].key}" if elsewhere[run] else ""
            first[run] = seen.setdefault((values.tobytes(), work), run)
            copied[places[run]] = first[run] != run
    if copied.any():
        run = meta.runs["run"].iloc[int(np.argmax(copied))]
        same = f"has the same values and seconds in every slice as {first[run]!r}".replace("{", "{{").replace("}", "}}")
        fail("runs", meta.runs, copied, same, "one of the two is a copy; remove it, and its slices")
    return len(first)


def _numbers(column: Any) -> np.ndarray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)
