"""Rows of the tables from the figures of the finetuning engine, and tables from rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from foretune.metadata.dataset import MetaDataset
from foretune.metadata.frames import rows_to_frame
from foretune.metadata.schema import CONFIGURATION_PREFIX, CURVE_COLUMNS
from foretune.types import Configuration

_METRIC = "nll"
_SCORES = (_METRIC, "token_accuracy", "exact_match")
_SLICE_NAMES = [column.name for column in CURVE_COLUMNS if column.name != "run"]


def assemble(tables: Mapping[str, Sequence[Mapping[str, Any]]], provenance: Mapping[str, Any]) -> MetaDataset:
    """A meta-dataset from the rows of its three tables, by name."""
    frames = {name: rows_to_frame(name, rows) for name, rows in tables.items()}
    return MetaDataset(frames["tasks"], frames["runs"], frames["curves"], provenance)


def run_row(
    name: str,
    task: str,
    *,
    seed: int,
    status: str,
    message: str,
    configuration: Configuration,
    known: Mapping[str, Any],
) -> dict[str, Any]:
    """A row of the table of runs.

    Args:
        name: unique.
        task: that it is a run of.
        seed: of the run.
        status: see `foretune.metadata.schema.STATUSES`.
        message: why it did not end well.
        configuration: as trained.
        known: content of the run's `run.json`; empty if it ended before that was written.
    """
    return {
        "run": name,
        "task": task,
        "seed": seed,
        "status": status,
        "message": message,
        "parameters_trained": known.get("parameters_trained"),
        "peak_memory_bytes": known.get("peak_memory_bytes"),
        "hardware": known.get("hardware", "unknown"),
        "versions": json.dumps(known.get("versions", {})),
        "started": known.get("started", "unknown"),
        **{CONFIGURATION_PREFIX + key: value for key, value in configuration.values.items()},
    }


def slice_rows(slices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the table of curves but for their run, from lines of a run's `slices.jsonl`."""
    return [{name: one.get(name.replace("_value", f"_{_METRIC}")) for name in _SLICE_NAMES} for one in slices]


def zero_shot_columns(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The columns of the table of tasks for the untouched model's scores: split -> score -> value.

    Figures without a column, such as the standard error, are left out.
    """
    return {
        f"zero_shot_{split}_{name.replace(_METRIC, 'value')}": value
        for split, one in scores.items()
        for name, value in one.items()
        if name in _SCORES
    }
