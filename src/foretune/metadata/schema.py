"""The schema of a meta-dataset: the columns of its three tables, their types and units, and whether they may be empty.

Names of hyperparameter columns start with `config.`, names of meta-feature columns with `feature.`; the rest is free.
An empty hyperparameter does not exist in the configuration; an empty meta-feature is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from foretune.types import Status

SCHEMA_VERSION = 2
CONFIGURATION_PREFIX = "config."
FEATURE_PREFIX = "feature."
DIRECTIONS = ("minimize", "maximize")
STOPPED = "stopped"
"""Status of a run that a search gave up before its last slice; nothing had gone wrong with it."""
STATUSES = (*(str(status) for status in Status), STOPPED)
Kind = Literal["text", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: of the column.
        kind: text, integer, or number.
        meaning: in words.
        unit: of its values; empty for text.
        optional: whether values may be missing.
        least: smallest value allowed.
        most: largest value allowed.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    optional: bool = False
    least: float | None = None
    most: float | None = None


def _text(name: str, meaning: str, *, optional: bool = False) -> Column:
    return Column(name, "text", meaning, optional=optional)


def _count(name: str, meaning: str, unit: str, *, least: float = 0, optional: bool = False) -> Column:
    return Column(name, "integer", meaning, unit, least=least, optional=optional)


def _number(name: str, meaning: str, unit: str, *, optional: bool = False) -> Column:
    return Column(name, "number", meaning, unit, least=0, most=1 if unit == "share" else None, optional=optional)


def _scores(prefix: str, what: str, *, optional: bool = True) -> tuple[Column, ...]:
    return (
        Column(f"{prefix}_value", "number", f"the task's metric {what}", "the metric's", optional=optional),
        _number(f"{prefix}_token_accuracy", f"completion tokens predicted right {what}", "share", optional=True),
        _number(f"{prefix}_exact_match", f"completions with every token right {what}", "share", optional=True),
    )


TASK_COLUMNS = (
    _text("task", "unique name: a dataset with a training-set size, on one base model"),
    _text("dataset", "name of the dataset"),
    _text("model", "name of the base model"),
    _text("family", "kind of dataset; its members never sit on both sides of a held-out comparison"),
    _text("source", "where the dataset comes from"),
    _text("license", "of the dataset"),
    _text("metric", "metric that judges runs: validation_nll, in nats per completion token, for foretune's own runs"),
    _text("direction", "minimize or maximize the metric"),
    _text("cost_unit", "what the seconds of this task's runs count: seconds, or the only measure of cost there is"),
    _count("n_train", "training rows", "rows", least=1, optional=True),
    _count("n_validation", "validation rows", "rows", least=1, optional=True),
    _count("n_test", "test rows", "rows", optional=True),
    _count("max_fidelity", "slices of a complete run", "slices", least=1),
    *_scores("zero_shot_validation", "of the base model on the validation split"),
    *_scores("zero_shot_test", "of the base model on the test split"),
)

RUN_COLUMNS = (
    _text("run", "unique name"),
    _text("task", "the task it belongs to"),
    _count("seed", "decides the initial adapter and the order of the data", "", least=0),
    _text("status", "ok, diverged, out_of_memory, timed_out, failed, or stopped by a search before its end"),
    _text("message", "why it did not end well; empty if it did"),
    _count("parameters_trained", "number of trained weights", "parameters", optional=True),
    _count("peak_memory_bytes", "most memory in use", "bytes", optional=True),
    _text("hardware", "what it ran on"),
    _text("versions", "versions of the libraries that matter, as a JSON object"),
    _text("started", "when, as ISO 8601 in UTC"),
    _text("source", "where the figures come from, if they were not measured for this table", optional=True),
    _text("license", "of the figures, if they come from elsewhere", optional=True),
)

CURVE_COLUMNS = (
    _text("run", "the run it belongs to"),
    _count("fidelity", "slices trained, from 1 without gaps", "slices", least=1),
    _number("epochs", "passes over the training rows so far", "epochs", optional=True),
    _count("steps", "optimizer steps so far", "steps", optional=True),
    _count("tokens", "tokens trained on so far", "tokens", optional=True),
    *_scores("validation", "on the validation split", optional=False),
    *_scores("test", "on the test split; never used to choose"),
    _number("train_seconds", "training time of this slice", "seconds"),
    _number("evaluation_seconds", "evaluation time of this slice", "seconds"),
)

TABLES: dict[str, tuple[Column, ...]] = {"tasks": TASK_COLUMNS, "runs": RUN_COLUMNS, "curves": CURVE_COLUMNS}
"""The tables by name; each is stored as `<name>.parquet`."""

PREFIXES: dict[str, str] = {"tasks": FEATURE_PREFIX, "runs": CONFIGURATION_PREFIX}
"""Where columns of other names are allowed, and how these begin."""


def units() -> dict[str, dict[str, str]]:
    """Table -> column -> unit, for `metadata.json`; columns without a unit are left out."""
    return {table: {column.name: column.unit for column in columns if column.unit} for table, columns in TABLES.items()}
