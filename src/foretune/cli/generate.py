"""`foretune generate`: datasets from generators of our own, to collect knowledge on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from foretune.cli.answer import answering
from foretune.errors import DataError
from foretune.session.checks import check_name, check_output
from foretune.session.saying import say

SPLITS = ("train", "validation", "test")


@answering
def generate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder that gets one folder per dataset.")],
    only: Annotated[list[str] | None, typer.Option(help="Dataset to make; may be given again. Default: all.")] = None,
    rows: Annotated[int, typer.Option(help="Training rows of each, fewer where there are fewer prompts.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> Mapping[str, object]:
    """Make small datasets of many kinds by rules, to collect a meta-dataset on."""
    check_output(out, "OUT")
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from foretune.synthesis.exercises import EXERCISES, choose, make_exercise

    for name in only or ():
        check_name("generated dataset", name, tuple(EXERCISES), DataError)
    table = Table("dataset", "family", title="Generated datasets", box=SIMPLE_HEAD, caption="rows of each split")
    for split in SPLITS:
        table.add_column(split, justify="right")
    datasets: list[Mapping[str, object]] = []
    for made in choose(only or ()):
        counts = make_exercise(made, out / made.name, train_rows=rows, seed=seed)
        datasets.append({"folder": out / made.name, "family": made.family, "rows": counts})
        table.add_row(made.name, made.family, *(str(counts[split]) for split in SPLITS))
    console = Console()
    console.print(table)
    say(console, f"Wrote {out}. Next: foretune collect {shlex.quote(str(out))}/* --out META")
    return {"datasets": datasets}
