"""`foretune status`: how far a search is, while it runs and afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.session.durations import format_seconds

if TYPE_CHECKING:
    from foretune.session.status import SearchStatus, Training


@answering
def status(
    run: Annotated[Path, typer.Argument(help="Output folder of tune or demo.")],
) -> SearchStatus:
    """Say how far the search in RUN is: trials, the best so far, the budget, and what is trained now."""
    from foretune.session.status import status_of

    found = status_of(run)
    for name, text in _lines(found):
        typer.echo(f"{name:<8} {text}")
    return found


def _lines(found: SearchStatus) -> list[tuple[str, str]]:
    from foretune.report.tables import describe

    failed = f", {found.failed_trials} without a score" if found.failed_trials else ""
    best = "nothing was scored yet"
    if found.best:
        named = describe(found.best.configuration, short=True)
        best = f"{found.best.validation_loss:.4f} after slice {found.best.slices}  {named}"
    zero_shot = "" if found.zero_shot_loss is None else f"  (zero-shot {found.zero_shot_loss:.4f})"
    return [
        ("state", f"{found.state} ({found.process})" if found.process else found.state),
        ("trials", f"{found.trials}, with {found.configurations} configurations{failed}"),
        ("best", best + zero_shot),
        ("budget", _budget(found)),
        *(("now", f"{describe(one.configuration, short=True)}, {_slices(one)}") for one in found.training),
    ]


def _slices(trial: Training) -> str:
    first, last = trial.from_slice, trial.to_slice
    return f"slice {last}" if first == last else f"slices {first} to {last}"


def _budget(found: SearchStatus) -> str:
    parts = [f"{format_seconds(found.spent_seconds)} spent"]
    if found.left_seconds is not None:
        parts.append(f"{format_seconds(found.left_seconds)} left")
    if found.budget_slices is not None:
        parts.append(f"{found.budget_slices - found.slices} slices left")
    return ", ".join(parts)
