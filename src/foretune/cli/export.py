"""`foretune export`: a found configuration as a file of another trainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.session.saying import remark, say

if TYPE_CHECKING:
    from rich.console import Console

    from foretune.session.exporting import Exported


@answering
def export(
    source: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of a search or run, or a YAML like its best.yaml.")
    ],
    to: Annotated[str, typer.Option(help="trl, axolotl, llama-factory, unsloth or peft-script.")],
    out: Annotated[Path | None, typer.Option(help="The file; by default in RUN, named after the trainer.")] = None,
    data: Annotated[str | None, typer.Option(help="Dataset, if it has moved.")] = None,
    model: Annotated[str | None, typer.Option(help="Base model, if it has moved.")] = None,
) -> Exported:
    """Write the configuration of RUN, and the rows of its data, for another trainer.

    What that trainer cannot do is printed, and is in a comment at the top of the file.
    """
    from rich.console import Console

    from foretune.session.exporting import export as write

    written = write(source, to, out, data=data, model=model)
    tell(written, Console())
    return written


def tell(written: Exported, console: Console) -> None:
    """What the trainer cannot do, where everything is, and how to go on."""
    remark(console, *written.notes)
    say(console, f"The rows are in {written.data}.")
    for command in written.commands:
        say(console, f"Train: {command}")
