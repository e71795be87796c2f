"""`foretune finetune`: a whole run of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import Columns, Device, Guard, LastTurnOnly, SkipBadRows

if TYPE_CHECKING:
    from foretune.run import Run


@answering
def finetune(
    data: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder of splits, or a hub name.")],
    config: Annotated[Path, typer.Option(help="YAML with the configuration: the best.yaml of a search, or your own.")],
    output: Annotated[Path, typer.Option(help="Folder for the run; continues an interrupted run in it.")],
    model: Annotated[str | None, typer.Option(help="Base model; by default the one that the file names.")] = None,
    seed: Annotated[int | None, typer.Option(help="By default the one in the file, or 0.")] = None,
    train_rows: Annotated[
        int | None, typer.Option(min=1, help="Train on only so many rows; by default as the file says, or all.")
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=2, help="Tokens that an example may have; by default as the file says.")
    ] = None,
    columns: Columns = None,
    last_turn_only: LastTurnOnly = False,
    skip_bad_rows: SkipBadRows = False,
    guard: Guard = None,
    device: Device = "auto",
) -> Run:
    """Finetune MODEL on DATA with one configuration, keep the best slice, and score it on the test split."""
    from rich.console import Console

    from foretune.run import Run
    from foretune.session.folder import ADAPTER
    from foretune.session.lineage import linked
    from foretune.session.options import TuneOptions
    from foretune.session.recipe import read_configuration
    from foretune.session.single import finetune_once

    written = read_configuration(config)
    options = TuneOptions.of(
        data,
        model or str(written.get("model", "foretune-tiny")),
        seed=int(written.get("seed", 0)) if seed is None else seed,
        max_length=max_length or written.get("max_length"),
        train_rows=train_rows or written.get("train_rows"),
        device=device,
        columns=columns or written.get("columns"),
        last_turn_only=last_turn_only or bool(written.get("last_turn_only")),
        skip_bad_rows=skip_bad_rows or bool(written.get("skip_bad_rows")),
        guard=guard,
        today=str(written.get("today") or "") or None,
    )
    console = Console()
    try:
        report = finetune_once(options, linked([*written.get("after", ()), written["configuration"]]), output, console)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("\nInterrupted; nothing is lost. The same command goes on where it was.") from None
    return Run(output, output / ADAPTER, report)
