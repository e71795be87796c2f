"""`foretune merge`: a run's adapter and its base model as one model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.options import Device
from foretune.session.saying import remark, say


@answering
def merge(
    run: Annotated[Path, typer.Argument(help="Output folder of tune or finetune, or the adapter folder in it.")],
    out: Annotated[Path, typer.Option(help="Folder for the model; it must not be there yet.")],
    model: Annotated[str | None, typer.Option(help="Base model, if it has moved.")] = None,
    data: Annotated[str | None, typer.Option(help="Dataset of the run, if it has moved.")] = None,
    device: Device = "auto",
) -> Mapping[str, object]:
    """Merge the adapter of RUN into its base model, and check that the result answers as the adapter does.

    The model is read back and compared on validation rows of the run before it is put in place.
    """
    from rich.console import Console

    from foretune.session.checks import check_device
    from foretune.session.merging import merge as write

    check_device(device)
    console = Console()
    with console.status("merging ..."):
        merged, notes = write(run, out, model=model, data=data, device=device)
    remark(console, *notes)
    say(
        console,
        f"On {merged.rows} validation rows: loss {merged.adapter_loss:.4f} with the adapter and "
        f"{merged.merged_loss:.4f} merged, logits differ by {merged.logit_difference:.2g} at most (of "
        f"{merged.largest_logit:.3g}).",
    )
    kind = str(merged.dtype).removeprefix("torch.")
    say(console, f"The model is in {out}, in {kind}.")
    return {"model": out, **vars(merged), "dtype": kind, "notes": notes}
