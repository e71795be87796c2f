"""The table of all configurations: what they have in common is said once, what differs has a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from foretune.report.page.costs import gibibytes
from foretune.report.page.curves import kinds_of
from foretune.report.page.reasons import find, lowest
from foretune.report.page.record import RunRecord
from foretune.report.run_report import RunReport, TrialCurve
from foretune.report.tables import describe
from foretune.types import CONTINUES, Value

_FIRST = ("method", "rank", "learning_rate", "batch_size", "epochs")


@dataclass(frozen=True)
class Cell:
    """What is shown, and the number that it is sorted by; None for text, and for what is not known."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Row:
    """A configuration.

    Attributes:
        key: of it.
        kind: see `kinds_of`.
        said: its part in the result, in words; empty for most.
        described: the whole configuration, for the hint at its curve.
        cells: one for each column.
    """

    key: str
    kind: str
    said: str
    described: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ConfigurationTable:
    """All configurations of a run.

    Attributes:
        columns: names.
        rows: in the order of their first slice.
        common: hyperparameters that all have in common, in words.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    common: str


def table_of(record: RunRecord) -> ConfigurationTable:
    """The table of a run."""
    report = record.report
    varied, common = _split(report)
    peaks = {key: int(files.run.get("peak_memory_bytes") or 0) for key, files in record.files}
    columns = ("best loss", "part", "slices", "seconds", *map(_spoken, varied))
    columns += ("peak memory",) if any(peaks.values()) else ()
    rows = tuple(_row(trial, report, varied, peaks) for trial in report.trials)
    return ConfigurationTable((*columns, "status"), rows, common)


def _row(trial: TrialCurve, report: RunReport, varied: list[str], peaks: Mapping[str, int]) -> Row:
    losses, kind = trial.validation_nll, kinds_of(report)[trial.key]
    said = _said(trial, report, kind)
    best = Cell("none")
    if losses:
        at = lowest(trial)
        best = Cell(f"{losses[at]:.4f}" + (f" (slice {at + 1})" if at + 1 < len(losses) else ""), losses[at])
    status = trial.status.replace("_", " ") + (f": {trial.message}" if trial.message else "")
    cells = (
        best,
        Cell(said),
        Cell(f"{len(losses)} of {report.max_fidelity}", len(losses)),
        Cell(f"{sum(trial.seconds):.1f}", sum(trial.seconds)),
        *(_value(trial.configuration.get(name)) for name in varied),
        *([Cell(gibibytes(peaks.get(trial.key, 0)), peaks.get(trial.key, 0))] if any(peaks.values()) else []),
        Cell(status),
    )
    return Row(trial.key, kind, said, describe(trial.configuration), cells)


def _said(trial: TrialCurve, report: RunReport, kind: str) -> str:
    """The part of a configuration in the result."""
    said = {"returned": "returned" if report.scores[-1:] and report.returned.slices else "best so far", "best": "best"}
    parts = [said[kind]] if kind in said else []
    parts += ["default"] if trial.key == report.default_key else []
    members = report.scores[-1].members if report.scores else ()
    parts += [f"{one.weight:.0%} of the returned average" for one in members if one.key == trial.key]
    if before := find(report.trials, str(trial.configuration.get(CONTINUES))):
        parts.append(f"goes on from {report.trials.index(before) + 1}")
    return ", ".join(parts)


def _split(report: RunReport) -> tuple[list[str], str]:
    """Hyperparameters that differ, the important first, and those that all have in common."""
    names = dict.fromkeys([*_FIRST, *(name for one in report.trials for name in one.configuration)])
    values = {name: {one.configuration.get(name) for one in report.trials} for name in names if name != CONTINUES}
    varied = [name for name, found in values.items() if len(found) > 1]
    common = [(name, found.pop()) for name, found in values.items() if len(found) == 1]
    return varied, ", ".join(f"{_spoken(name)} {_value(value).text}" for name, value in common if value is not None)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Value | None) -> Cell:
    """Numbers in at most three digits; nothing for a hyperparameter that a method does not have."""
    if value is None:
        return Cell("")
    if isinstance(value, bool | str):
        return Cell(str(value))
    return Cell(f"{value:.3g}" if isinstance(value, float) else str(value), float(value))
