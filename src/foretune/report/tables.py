"""The tables at the end of a search, for the terminal (rich) and for documents (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from foretune.report.run_report import ModelScores
from foretune.types import Value

_COLUMNS = ("model", "test NLL", "token accuracy", "exact match", "finetuned with")


def scores_table(scores: Sequence[ModelScores]) -> Table:
    """The final table for the terminal; the least test loss is set in bold."""
    table = Table(title="Test split (chosen on the validation split)", title_justify="left", header_style="bold")
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


def describe(configuration: Mapping[str, Value], *, short: bool = False) -> str:
    """A configuration in one line: `lora r16, lr 0.0073, batch 8, 5 epochs`, and the rest if not `short`."""
    if not configuration:
        return "not finetuned"
    values = dict(configuration)
    method = str(values.pop("method", "run"))
    rank = f" r{values.pop('rank')}" if "rank" in values else ""
    parts = [method + rank]
    for name, label in (("learning_rate", "lr {}"), ("batch_size", "batch {}"), ("epochs", "{} epochs")):
        if name in values:
            parts.append(label.format(_number(values.pop(name))))
    if not short:
        parts += [f"{name.replace('_', ' ')} {_number(value)}" for name, value in values.items()]
    return ", ".join(parts)


def _number(value: Value) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _cells(row: ModelScores) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.test.nll:.4f}",
        f"{row.test.token_accuracy:.1%}",
        f"{row.test.exact_match:.1%}",
        describe(row.configuration, short=True),
    )
