"""The tables at the end of a search, for the terminal (rich) and for documents (Markdown)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.table import Table

from foretune.report.run_report import Measurement, Member, ModelScores
from foretune.types import CONTINUES, Value

_FEW = 50
"""Rows below which percentages say less than counts."""
_DEVIATIONS = 1.96
_COLUMNS = ("model", "test NLL", "token accuracy", "exact match", "finetuned with")


def scores_table(scores: Sequence[ModelScores]) -> Table:
    """The final table for the terminal; the least test loss is set in bold."""
    rows = f", {scores[0].test.rows:,} rows" if scores[0].test.rows else ""
    title = f"Test split{rows} (chosen on the validation split)"
    table = Table(title=title, title_justify="left", header_style="bold")
    for number, column in enumerate(_COLUMNS):
        table.add_column(column, justify="right" if 0 < number < len(_COLUMNS) - 1 else "left")
    least = min(row.test.nll for row in scores)
    for row in scores:
        table.add_row(*_cells(row), style="bold green" if row.test.nll == least else "")
    return table


def scores_markdown(scores: Sequence[ModelScores]) -> str:
    """The final table as Markdown."""
    rows = [_COLUMNS, ("---", "---:", "---:", "---:", "---"), *(_cells(row) for row in scores)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


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
    if row.members:
        return f"the average of {len(row.members)} runs"
    return describe(row.configuration, short=True)


def loss(measured: Measurement) -> str:
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


def _cells(row: ModelScores) -> tuple[str, ...]:
    return (
        row.name,
        loss(row.test),
        f"{row.test.token_accuracy:.1%}",
        exact_match(row.test),
        describe_row(row),
    )
