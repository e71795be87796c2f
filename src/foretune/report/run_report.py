"""`report.json`: all that a finished search has to say, in one file that tables and figures are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from foretune.errors import JournalError
from foretune.journal import JournalEntry
from foretune.metrics import NLL
from foretune.metrics.summary import Agreement, Answered
from foretune.teacher.price import Price, Tokens
from foretune.tuner import incumbent_of
from foretune.types import VALIDATION_NLL, Value

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Measurement:
    """Scores of a model on a split.

    Attributes:
        nll: nats per completion token.
        token_accuracy: share of completion tokens that are the model's first guess.
        exact_match: share of completions that it gives word for word.
        nll_error: standard error of `nll` over rows; None where not known.
        rows: that were scored; 0 where not known.
        answered: of written answers, where a metric of them was asked for.
    """

    nll: float
    token_accuracy: float
    exact_match: float
    nll_error: float | None = None
    rows: int = 0
    answered: Answered | None = None


@dataclass(frozen=True)
class Finalist:
    """A model that a metric of written answers chose from.

    Attributes:
        name: `average`, or how it was finetuned.
        score: mean of the metric on the validation questions; None of a judge, which compares only.
        lead: mean lead over the finalist that was the choice so far; None of the first.
        lead_error: its standard error.
        chosen: whether the metric chose it.
    """

    name: str
    score: float | None
    lead: float | None
    lead_error: float | None
    chosen: bool


@dataclass(frozen=True)
class Judged:
    """What a judge has cost, and how often exact match says the same.

    Attributes:
        requests: different ones, whether this run paid for them or an earlier one.
        prompt_tokens: of all of them.
        completion_tokens: of the replies.
        dollars: None where the price is not known.
        agreement: over all answers in the final table.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None
    agreement: Agreement

    @classmethod
    def of(cls, tokens: Tokens, price: Price, agreement: Agreement) -> Self:
        """By the tokens of a judge."""
        dollars = price.of(tokens) if price.known else None
        return cls(tokens.requests, tokens.prompt, tokens.completion, dollars, agreement)


@dataclass(frozen=True)
class Member:
    """A checkpoint in an average.

    Attributes:
        key: content hash of its configuration.
        configuration: how it was finetuned.
        slices: slices trained to this checkpoint.
        weight: in the average; all add up to 1, or to less where a limit on the guard leaves a rest to the base model.
    """

    key: str
    configuration: Mapping[str, Value]
    slices: int
    weight: float


@dataclass(frozen=True)
class Rise:
    """Of the loss over that of the base model.

    Attributes:
        share: of the base model's loss; below 0 where the loss has fallen.
        error: standard error of `share` over rows, each of which was scored with both models; None for a single row.
    """

    share: float
    error: float | None


@dataclass(frozen=True)
class GuardScore:
    """Scores of a model on the guard, a dataset that finetuning should not harm.

    Attributes:
        name: of that dataset.
        rows: that were scored.
        nll: nats per completion token.
        nll_error: standard error of `nll` over rows; None where not known.
        rise: over the base model; None for the base model itself.
    """

    name: str
    rows: int
    nll: float
    nll_error: float | None
    rise: Rise | None = None


@dataclass(frozen=True)
class GuardFinalist:
    """An adapter that a search could have returned: its configuration's key, or `average`, with any factor."""

    name: str
    rise: Rise


@dataclass(frozen=True)
class GuardChoice:
    """How a limit on the harm to the guard has decided which adapter a search returns.

    Attributes:
        limit: of the share by which the loss there rises.
        within: whether the returned adapter stays within it.
        kept: name of the finalist that is returned.
        finalists: that were asked, in that order; the first has the least validation loss.
    """

    limit: float
    within: bool
    kept: str
    finalists: tuple[GuardFinalist, ...]


@dataclass(frozen=True)
class ModelScores:
    """One row of the final table.

    Attributes:
        name: `zero-shot`, `default`, `best` (by validation loss), then the returned one if it is another: `average`,
            `chosen` (by another metric) or `guarded` (by a limit on the guard).
        validation: on the split that chooses.
        test: on the split that nothing was chosen by.
        configuration: how it was finetuned; empty for the base model and for an average.
        slices: slices trained to this checkpoint; 0 for the base model and for an average.
        members: of an average, the best first.
        guard: on the dataset that finetuning should not harm, if there is one.
    """

    name: str
    validation: Measurement
    test: Measurement
    configuration: Mapping[str, Value] = field(default_factory=dict)
    slices: int = 0
    members: tuple[Member, ...] = ()
    guard: GuardScore | None = None


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
        best_key: of the winning configuration.
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


def best_so_far(entries: Sequence[JournalEntry]) -> list[tuple[float, float]]:
    """Seconds spent and least validation loss at each report that improved on it."""
    steps: list[tuple[float, float]] = []
    for count, entry in enumerate(entries, start=1):
        best = incumbent_of([earlier.report for earlier in entries[:count]])
        if best is not None and (not steps or VALIDATION_NLL.score(best.score) < steps[-1][1]):
            steps.append((entry.spent_seconds, VALIDATION_NLL.score(best.score)))
    return steps


def write_run_report(report: RunReport, path: Path) -> None:
    """Write `report.json`."""
    content = {"schema_version": SCHEMA_VERSION, **asdict(report)}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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
