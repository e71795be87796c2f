"""The tables at the end of a search, for the terminal (rich) and for documents (Markdown)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.table import Table

from foretune.metrics.summary import Agreement, Answered
from foretune.report.final_scores import GuardScore, Judged, Measurement, Member, ModelScores, Rise
from foretune.report.run_report import RunReport
from foretune.types import CONTINUES, Value

_FEW = 50
"""Rows below which percentages say less than counts."""
_DEVIATIONS = 1.96
_COLUMNS = ("model", "test NLL", "token accuracy", "exact match")
_GUARD = "guard NLL"
METRIC_NAMES = {
    "exact_match": "exact match of answers",
    "token_f1": "token F1",
    "rouge_l": "ROUGE-L",
    "judge": "judge (1 to 5)",
}


def scores_table(scores: Sequence[ModelScores]) -> Table:
    """The final table for the terminal; the least test loss, or the best score of answers, is set in bold."""
    rows = f", {scores[0].test.rows:,} rows" if scores[0].test.rows else ""
    answered = scores[0].test.answered
    answers = f", {answered.rows + answered.unscored:,} answers" if answered else ""
    title = f"Test split{rows}{answers} (chosen on the validation split)"
    table = Table(title=title, title_justify="left", header_style="bold")
    columns = score_columns(scores)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if 0 < number < len(columns) - 1 else "left")
    best = max(_worth(row.test) for row in scores)
    for row in scores:
        table.add_row(*score_cells(row), style="bold green" if _worth(row.test) == best else "")
    return table


def finalists_table(report: RunReport) -> Table:
    """What a metric of written answers chose from, the best by validation loss first."""
    title = f"Finalists by the answers to {report.questions:,} questions of the validation split"
    table = Table("finalist", title=title, title_justify="left", header_style="bold")
    scored = all(one.score is not None for one in report.finalists)
    for column in ([METRIC_NAMES[report.metric]] if scored else []) + ["lead over the choice so far", ""]:
        table.add_column(column, justify="right")
    for one in report.finalists:
        score = [] if one.score is None else [f"{one.score:.3f}"]
        lead = "" if one.lead is None else _with_error(one.lead, one.lead_error)
        unscored = f"({one.unscored:,} without a verdict)" if one.unscored else ""
        table.add_row(
            one.name,
            *score,
            f"{lead} {unscored}".strip(),
            "chosen" if one.chosen else "",
            style="bold" if one.chosen else "",
        )
    return table


def describe_answered(answered: Answered) -> str:
    """The score of answers in a line: `token F1 0.713 ± 0.021 (200 answers)`."""
    unscored = f", {answered.unscored} without a grade" if answered.unscored else ""
    name, count = METRIC_NAMES[answered.metric], answered.rows
    return f"{name}: {_with_error(answered.mean, answered.error)} ({count:,} answers{unscored})"


def describe_agreement(agreement: Agreement) -> str:
    """How often a judge and exact match say the same."""
    kappa = "" if math.isnan(agreement.kappa) else f" (kappa {round(agreement.kappa, 2) + 0.0:.2f})"
    return (
        f"of {agreement.count:,} answers the judge and exact match say the same of {agreement.share:.0%}{kappa}; "
        f"right by the judge alone: {agreement.judge_only}, by exact match alone: {agreement.match_only}"
    )


def describe_judged(judged: Judged) -> str:
    """What a judge has cost, and how often exact match says the same."""
    return f"{describe_agreement(judged.agreement)}. {describe_cost(judged)}"


def describe_cost(judged: Judged, *, answers: int | None = None) -> str:
    """Requests, tokens and dollars of a judge; with `answers`, those of 100 of them, too."""
    dollars = "" if judged.dollars is None else f", {judged.dollars:.2f} dollars"
    tokens = f"{judged.prompt_tokens:,} prompt tokens, {judged.completion_tokens:,} tokens of replies"
    said = f"The judge was asked {judged.requests:,} times: {tokens}{dollars}"
    if not answers:
        return f"{said}."
    sent, received = (round(100 * count / answers) for count in (judged.prompt_tokens, judged.completion_tokens))
    each = "" if judged.dollars is None else f", {100 * judged.dollars / answers:.3f} dollars"
    return f"{said}; for 100 answers {sent:,} and {received:,}{each}."


def scores_markdown(scores: Sequence[ModelScores]) -> str:
    """The final table as Markdown, with what the guard is."""
    columns = score_columns(scores)
    rows = [columns, ("---", *("---:" for _ in columns[2:]), "---"), *(score_cells(row) for row in scores)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    guard = scores[-1].guard
    return f"{table}\n\n{describe_guard(guard)}" if guard else table


def describe(
    configuration: Mapping[str, Value], *, short: bool = False, before: Sequence[Mapping[str, Value]] = ()
) -> str:
    """A configuration in one line: `lora r16, lr 0.0073, batch 8, 5 epochs`, and the rest if not `short`.

    Args:
        configuration: of a run.
        short: leave out all but method, rank, learning rate, batch size and epochs.
        before: configurations of the runs that it goes on from, whose epochs are added: `3 more epochs, 8 in all`.
    """
    if not configuration:
        return "not finetuned"
    values = dict(configuration)
    more = " more" if values.pop(CONTINUES, None) else ""
    method = str(values.pop("method", "run"))
    rank = f" r{values.pop('rank')}" if "rank" in values else ""
    parts = [method + rank]
    epochs = f"{{}}{more} epoch{'' if values.get('epochs') == 1 else 's'}"
    if before:
        epochs += f", {sum(int(one['epochs']) for one in (*before, configuration))} in all"
    for name, label in (("learning_rate", "lr {}"), ("batch_size", "batch {}"), ("epochs", epochs)):
        if name in values:
            parts.append(label.format(_number(values.pop(name))))
    if not short:
        parts += [f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items()]
    return ", ".join(parts)


def describe_members(members: Sequence[Member]) -> list[str]:
    """What an average is made of, a line for each member: `0.7 x lora r16, lr 0.0073, batch 8, 5 epochs`."""
    return [f"{one.weight:.2g} x {describe(one.configuration, short=True)}" for one in members]


def describe_row(row: ModelScores) -> str:
    """How a row of the final table was finetuned, in short."""
    if not row.members:
        return describe(row.configuration, short=True)
    several, factor = len(row.members) > 1, sum(one.weight for one in row.members)
    whole = f"the average of {len(row.members)} runs" if several else describe(row.members[0].configuration, short=True)
    return whole if math.isclose(factor, 1.0) else f"{factor:.2g} x {whole}"


def describe_guard(guard: GuardScore) -> str:
    """What the guard is, and what the adapter has cost there."""
    cost = f"; this adapter changes the loss there by {rise(guard.rise)}" if guard.rise else ""
    return f"Guard: {guard.name}, {guard.rows:,} rows that were not trained on{cost}."


def guard_outcome(report: RunReport) -> str:
    """What the returned adapter costs on the guard, and how the limit there has decided, if there is one."""
    returned, choice = report.returned, report.guard
    cost = describe_guard(returned.guard) if returned.guard else ""
    if choice is None:
        return cost
    limit, first = f"the limit of {100 * choice.limit:g}%", choice.finalists[0]
    if choice.within and choice.kept == first.name:
        return f"{cost} This is within {limit}."
    best = f"the best adapter changes it by {rise(first.rise)}"
    if choice.within:
        factor = " The factor scales down the change of the weights." if returned.members else ""
        return (
            f"{cost} {best.capitalize()}, more than {limit}. The adapter that is returned has the best validation loss "
            f"within the limit: {describe_row(returned)}.{factor}"
        )
    both = ", and is the best" if choice.kept == first.name else f"; {best}"
    return (
        f"{cost} None of the {len(choice.finalists)} adapters that were scored is within {limit}. The adapter that is "
        f"returned has the lowest loss on the guard{both}. To come closer to the limit, add rows like the guard's to "
        "the training data. To get the best adapter anyway, give the command with --resume and a larger "
        "--guard-limit."
    )


def rise(one: Rise) -> str:
    """With its standard error, if that is known: `+3.1% ± 0.9%`."""
    return f"{one.share:+.1%}" + ("" if one.error is None else f" ± {one.error:.1%}")


def loss(measured: Measurement | GuardScore) -> str:
    """The loss with its standard error, if that is known: `1.5310 ± 0.052`."""
    error = measured.nll_error
    return f"{measured.nll:.4f}" + ("" if error is None else f" ± {error:.2g}")


def exact_match(measured: Measurement) -> str:
    """The share with its 95 % interval, `98.5% (96-99%)`; of few rows how many: `2 of 2 (34-100%)`."""
    rows, share = measured.rows, measured.exact_match
    if not rows:
        return f"{share:.1%}"
    low, high = (100 * end for end in wilson_interval(round(share * rows), rows))
    if rows < _FEW:
        return f"{round(share * rows)} of {rows} ({low:.0f}-{high:.0f}%)"
    return f"{share:.1%} ({low:.0f}-{high:.0f}%)"


def wilson_interval(hits: int, rows: int) -> tuple[float, float]:
    """The shares that so many hits among so many rows are compatible with (95 %; Wilson, 1927)."""
    share, z = hits / rows, _DEVIATIONS
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z / (1 + z**2 / rows) * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _number(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.3f}" + ("" if error is None else f" ± {error:.2g}")


def score_columns(scores: Sequence[ModelScores]) -> tuple[str, ...]:
    """Headings of the final table."""
    answered = scores[0].test.answered
    return (
        *_COLUMNS,
        *([METRIC_NAMES[answered.metric]] if answered else []),
        *([_GUARD] if scores[-1].guard else []),
        "finetuned with",
    )


def _worth(measured: Measurement) -> float:
    return measured.answered.mean if measured.answered else -measured.nll


def score_cells(row: ModelScores) -> tuple[str, ...]:
    """A row of the final table as text, in the order of `score_columns`."""
    answered = row.test.answered
    return (
        row.name,
        loss(row.test),
        f"{row.test.token_accuracy:.1%}",
        exact_match(row.test),
        *([_with_error(answered.mean, answered.error)] if answered else []),
        *([_guard_cell(row.guard)] if row.guard else []),
        describe_row(row),
    )


def _guard_cell(guard: GuardScore) -> str:
    """The loss, with its rise unless it is that of the base model: `2.1034 (+3.1% ± 0.9%)`."""
    return f"{guard.nll:.4f} ({rise(guard.rise)})" if guard.rise else loss(guard)
