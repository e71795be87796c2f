"""`report.json`: all that a finished search has to say, in one file that tables and figures are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from foretune.disk import replace_text
from foretune.errors import JournalError
from foretune.journal import JournalEntry
from foretune.metrics import NLL
from foretune.metrics.protocol import Asked
from foretune.parsing import parse_json, read_as
from foretune.report.final_scores import Finalist, GuardChoice, Judged, ModelScores
from foretune.types import VALIDATION_NLL, Value

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TrialCurve:
    """The learning curve of one configuration.

    Attributes:
        key: content hash of the configuration.
        configuration: its values.
        status: of its last trial.
        message: why that ended badly.
        validation_nll: (T,) after each slice.
        seconds: (T,) of each slice.
        spent_seconds: of the budget, when the report with that slice came in; shorter than the curve, or empty, where
            slices were trained outside of the budget (as the default configuration's may be).
        tokens: (T,) trained on so far; empty if unknown.
    """

    key: str
    configuration: Mapping[str, Value]
    status: str
    message: str
    validation_nll: tuple[float, ...]
    seconds: tuple[float, ...]
    spent_seconds: tuple[float, ...]
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class RunReport:
    """A finished search.

    Attributes:
        data: where the dataset is.
        model: the base model.
        optimizer: its name.
        seed: of everything random.
        budget_seconds: that were allowed; None for no limit.
        spent_seconds: that were used, loading and the scoring of the best included.
        setup_seconds: of these, before the first trial.
        reason: why it ended.
        max_fidelity: slices of a complete run.
        best_key: of the configuration that is returned; beside an average, of the best by validation loss.
        default_key: of the configuration that a practitioner would start with.
        scores: rows of the final table.
        trials: one curve per configuration, in order of their first slice.
        notes: changes to the data.
        versions: of the libraries that matter.
        guard: how a limit on the harm to a guard has decided; None without a limit.
        metric: that chose what is returned.
        questions: of the validation split, that it chose by.
        finalists: that it chose from.
        judged: of a judge.
        asked: questions of the test split whose answers are in `ModelScores.answers`.
        command: that repeats it; empty where it is not known.
    """

    data: str
    model: str
    optimizer: str
    seed: int
    budget_seconds: float | None
    spent_seconds: float
    setup_seconds: float
    reason: str
    max_fidelity: int
    best_key: str
    default_key: str
    scores: tuple[ModelScores, ...]
    trials: tuple[TrialCurve, ...]
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    guard: GuardChoice | None = None
    metric: str = NLL
    questions: int = 0
    finalists: tuple[Finalist, ...] = ()
    judged: Judged | None = None
    asked: tuple[Asked, ...] = ()
    command: str = ""

    @property
    def returned(self) -> ModelScores:
        """The row of the adapter that the search returns."""
        return self.scores[-1]


def trial_curves(entries: Sequence[JournalEntry], tokens: Mapping[str, Sequence[int]]) -> tuple[TrialCurve, ...]:
    """One curve per configuration from the entries of a journal.

    Args:
        entries: of the journal, in order.
        tokens: configuration key to tokens trained on after each slice, as far as known.
    """
    curves: dict[str, TrialCurve] = {}
    for entry in entries:
        report = entry.report
        key = report.trial.configuration.key
        known = curves[key].spent_seconds if key in curves else ()
        count = len(report.curve)
        curves[key] = TrialCurve(
            key=key,
            configuration=dict(report.trial.configuration.values),
            status=str(report.status),
            message=report.message,
            validation_nll=tuple(VALIDATION_NLL.score(score) for score in report.curve.scores.tolist()),
            seconds=tuple(report.curve.seconds.tolist()),
            spent_seconds=(*known[:count], *([entry.spent_seconds] * (count - len(known)))),
            tokens=tuple(tokens.get(key, ()))[:count],
        )
    return tuple(curves.values())


def write_run_report(report: RunReport, path: Path) -> None:
    """Write `report.json`."""
    content = {"schema_version": SCHEMA_VERSION, **asdict(report)}
    replace_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_run_report(path: Path) -> RunReport:
    """Read a file of `write_run_report`.

    Raises:
        JournalError: if the file is no report of a run.
    """
    try:
        content = read_as(dict, parse_json(path.read_bytes()))
        version = read_as(int, content.pop("schema_version", None), "schema_version")
        report = read_as(RunReport, content)
    except ValueError as error:
        message = f"{path} is not the report.json of a search ({error}); resume the search to write it again"
        raise JournalError(message) from error
    if version > SCHEMA_VERSION:
        message = f"{path} has schema version {version}, this foretune reads up to {SCHEMA_VERSION}; upgrade foretune"
        raise JournalError(message)
    return report
