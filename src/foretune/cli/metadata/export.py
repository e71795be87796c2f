"""`foretune metadata export`: a meta-dataset in the formats of other tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.arguments import Folder
from foretune.errors import MetaDatasetError
from foretune.session.checks import EXPORTS, check_meta_dataset, check_name, check_output


@answering
def export(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="syne-tune, quicktunetool or csv")],
    folder: Folder,
    out: Annotated[Path, typer.Option(help="folder to write into, made if absent")],
    tasks: Annotated[list[str] | None, typer.Option("--task", help="only these tasks; give it several times")] = None,
) -> Mapping[str, object]:
    """Write a meta-dataset for Syne Tune (a tabular blackbox), for quicktunetool (its CSV files), or as plain CSV."""
    check_name("kind of export", kind, EXPORTS, MetaDatasetError)
    check_meta_dataset(folder)
    check_output(out, "--out")
    from rich.console import Console

    from foretune.interop.export_kinds import export
    from foretune.metadata import read_meta_dataset

    meta = read_meta_dataset(folder)
    console = Console()
    notes = export(kind, meta.select(tasks) if tasks else meta, out)
    for note in notes:
        console.print(f"{note}.", highlight=False)
    files = sorted(path.name for path in out.iterdir())
    console.print(f"{out}: {', '.join(files)}", highlight=False)
    return {"folder": out, "files": files, "notes": notes}
