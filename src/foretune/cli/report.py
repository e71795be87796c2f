"""`foretune report`: a page about a run, or about a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import Device


@answering
def report(
    run: Annotated[
        Path,
        typer.Argument(help="Output folder of tune, finetune or demo; the run need not have ended. Or that of replay."),
    ],
    out: Annotated[Path | None, typer.Option(help="The HTML file; by default report.html in RUN.")] = None,
    answers: Annotated[
        int, typer.Option(min=0, help="First have both models answer so many questions of the test split.")
    ] = 0,
    data: Annotated[str | None, typer.Option(help="Dataset of the run, if it has moved; for --answers.")] = None,
    model: Annotated[str | None, typer.Option(help="Base model, if it has moved; for --answers.")] = None,
    device: Device = "auto",
) -> Mapping[str, Path]:
    """Write a page about RUN: scores, curves, the choice, costs. It opens in any browser, without a network.

    Of the folder of replay: regret curves, ranks, tables. The page is made from the files of RUN alone. --answers loads
    the base model and the finetuned model, and keeps their answers in report.json.
    """
    from rich.console import Console

    from foretune.session.checks import check_device
    from foretune.session.reporting import answer_questions
    from foretune.session.reporting import report as write

    check_device(device)
    if answers:
        with Console(stderr=True).status("answering ..."):
            answer_questions(run, answers, model=model, data=data, device=device)
    page = write(run, out)
    typer.echo(f"The page is {page}.")
    return {"page": page}
