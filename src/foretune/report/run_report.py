"""`report.json`: all that a finished search has to say, in one file that tables and figures are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from foretune.disk import replace_text
from foretune.errors import JournalError
from foretune.journal import JournalEntry
from foretune.metrics import NLL
from foretune.metrics.protocol import Asked
from foretune.metrics.summary import Agreement, Answered
from foretune.report.final_scores import (
    Finalist,
    GuardChoice,
    GuardFinalist,
    GuardScore,
    Judged,
    Measurement,
    Member,
    ModelScores,
    Rise,
)
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
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(content.pop("schema_version"))
        report = RunReport(**{**content, **_nested(content)})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is not the report.json of a search ({error}); resume the search to write it again"
        raise JournalError(message) from error
    if version > SCHEMA_VERSION:
        message = f"{path} has schema version {version}, this foretune reads up to {SCHEMA_VERSION}; upgrade foretune"
        raise JournalError(message)
    return report


def _nested(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "scores": tuple(_scores(row) for row in content["scores"]),
        "trials": tuple(_trial(trial) for trial in content["trials"]),
        "notes": tuple(content["notes"]),
        "guard": _guard_choice(content["guard"]) if content.get("guard") else None,
        "finalists": tuple(Finalist(**one) for one in content.get("finalists", ())),
        "judged": _judged(content.get("judged")),
        "asked": tuple(Asked(**one) for one in content.get("asked", ())),
    }


def _guard_choice(choice: dict[str, Any]) -> GuardChoice:
    choice["finalists"] = tuple(GuardFinalist(one["name"], Rise(**one["rise"])) for one in choice["finalists"])
    return GuardChoice(**choice)


def _judged(values: dict[str, Any] | None) -> Judged | None:
    if values is None:
        return None
    values["agreement"] = Agreement(**values["agreement"])
    return Judged(**values)


def _scores(row: dict[str, Any]) -> ModelScores:
    row["validation"], row["test"] = _measurement(row["validation"]), _measurement(row["test"])
    row["members"] = tuple(Member(**member) for member in row.get("members", ()))
    row["guard"] = _guard_score(row["guard"]) if row.get("guard") else None
    row["answers"] = tuple(row.get("answers", ()))
    return ModelScores(**row)


def _guard_score(score: dict[str, Any]) -> GuardScore:
    score["rise"] = Rise(**score["rise"]) if score["rise"] else None
    return GuardScore(**score)


def _measurement(values: dict[str, Any]) -> Measurement:
    if answered := values.get("answered"):
        answered["agreement"] = answered["agreement"] and Agreement(**answered["agreement"])
        values["answered"] = Answered(**answered)
    return Measurement(**values)


def _trial(trial: dict[str, Any]) -> TrialCurve:
    for name in ("validation_nll", "seconds", "spent_seconds", "tokens"):
        trial[name] = tuple(trial[name])
    return TrialCurve(**trial)
