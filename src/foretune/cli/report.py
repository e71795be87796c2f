"""`foretune report`: a page about a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("report")(report)


def report(
    run: Annotated[Path, typer.Argument(help="Output folder of tune, finetune or demo; the run need not have ended.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file; by default report.html in RUN.")] = None,
) -> None:
    """Write a page about RUN: scores, curves, the choice, costs. It opens in any browser, without a network."""
    from foretune.session.reporting import report as write

    typer.echo(f"The page is {write(run, out)}.")
