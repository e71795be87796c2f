"""Why a run has returned what it has returned, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from foretune.metrics import NLL
from foretune.report.final_scores import ModelScores
from foretune.report.page.record import RunRecord, State
from foretune.report.run_report import RunReport, TrialCurve
from foretune.report.tables import METRIC_NAMES, describe, describe_row, guard_outcome
from foretune.types import CONTINUES


def reasons_of(record: RunRecord) -> list[str]:
    """Sentences on the choice, the most important first; of a run that has not ended, that nothing is chosen yet."""
    report = record.report
    if not record.ended:
        return [_so_far(report)]
    row = report.returned
    said = [_of_row(report, row), *_of_untouched(report), *_goes_on(report), *_of_metric(report), *_of_default(report)]
    if row.guard:
        said.append(guard_outcome(report))
    if record.state is State.GONE_ON:
        said.append("The search was given more time after this choice; the curves and the table have its slices since.")
    return said


def _so_far(report: RunReport) -> str:
    best = find(report.trials, report.best_key)
    if best is None or not best.validation_nll:
        return "No slice has been scored yet."
    at = lowest(best)
    loss = best.validation_nll[at]
    return (
        f"Nothing is chosen yet. The best so far is {describe(best.configuration)}, with a validation loss of "
        f"{loss:.4f} after slice {at + 1} of {report.max_fidelity}."
    )


def _of_row(report: RunReport, row: ModelScores) -> str:
    loss, after = row.validation.nll, f"after slice {row.slices} of {report.max_fidelity}"
    best = next((one for one in report.scores if one.name == "best"), None)
    if row.name == "finetuned":
        return f"One configuration was trained. Its adapter {after} is kept, the slice with the least validation loss."
    if row.name == "average" and best:
        return (
            f"An average of {len(row.members)} runs is returned, because its validation loss of {loss:.4f} is less "
            f"than that of the best single run, {best.validation.nll:.4f}."
        )
    if row.name == "chosen" and best:
        return (
            f"{describe_row(row)} is returned for its answers: by {METRIC_NAMES[report.metric]} they are better on "
            f"{report.questions:,} validation questions, though its validation loss is {loss:.4f}, and that of the "
            f"best run {best.validation.nll:.4f}."
        )
    if row.name == "guarded":
        return f"The limit on the guard has decided for {describe_row(row)}, with a validation loss of {loss:.4f}."
    return f"It has the least validation loss of the search, {loss:.4f} {after}. It is a single run, not an average."


def _of_untouched(report: RunReport) -> list[str]:
    """Whether finetuning has done harm."""
    before, after = report.scores[0].validation.nll, report.returned.validation.nll
    if report.scores[0].name != "zero-shot" or after < before:
        return []
    return [f"The untouched model is better: its validation loss is {before:.4f}. Search longer before you use this."]


def _goes_on(report: RunReport) -> list[str]:
    """Whether the best run began with the adapter of another."""
    before = before_best(report)
    if not before:
        return []
    alike = [(said, len(list(runs))) for said, runs in groupby(map(_said, reversed(before)))]
    each = "; then ".join(said if count == 1 else f"{count} times {said}" for said, count in alike)
    runs = "an earlier run" if len(before) == 1 else f"{len(before)} earlier runs"
    return [f"The best run goes on from the adapter of {runs}: {each}."]


def _said(trial: TrialCurve) -> str:
    return describe(trial.configuration, short=True)


def _of_metric(report: RunReport) -> list[str]:
    if report.metric == NLL:
        return []
    if report.finalists and report.finalists[0].chosen:
        return [f"By {METRIC_NAMES[report.metric]}, no other finalist answers validation questions clearly better."]
    if report.finalists:
        return []
    return ["Validation loss chose, for there was one adapter only, or too little time to compare answers."]


def _of_default(report: RunReport) -> list[str]:
    """Whether the default configuration, trained to its end afterwards, has the better loss."""
    rows = {row.name: row for row in report.scores}
    default = rows.get("default")
    if default is None or default.validation.nll >= report.returned.validation.nll:
        return []
    return [
        f"The default configuration was trained to its end for comparison, outside of the budget, and has the better "
        f"validation loss, {default.validation.nll:.4f}: this search had too little time."
    ]


def find(trials: Sequence[TrialCurve], key: str) -> TrialCurve | None:
    """The curve of a configuration."""
    return next((trial for trial in trials if trial.key == key), None)


def lowest(trial: TrialCurve) -> int:
    """The number of the best slice, from 0."""
    return min(range(len(trial.validation_nll)), key=trial.validation_nll.__getitem__)


def before_best(report: RunReport) -> list[TrialCurve]:
    """The runs that the best run goes on from, the latest first."""
    found: list[TrialCurve] = []
    at = find(report.trials, report.best_key)
    while at and (before := find(report.trials, str(at.configuration.get(CONTINUES)))) and before not in found:
        found.append(before)
        at = before
    return found
