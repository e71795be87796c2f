"""`foretune metadata merge`: one meta-dataset of several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.arguments import Folders
from foretune.cli.metadata.counts import counts_of
from foretune.session.checks import check_meta_dataset, check_output


@answering
def merge(
    folders: Folders,
    out: Annotated[Path, typer.Option(help="folder of the new meta-dataset")],
    on_conflict: Annotated[
        Literal["error", "keep-first"], typer.Option(help="for different runs of the same name")
    ] = "error",
) -> Mapping[str, object]:
    """Join meta-datasets: tasks that are the same, and every run once."""
    check_output(out, "--out")
    for folder in folders:
        check_meta_dataset(folder)
    from rich.console import Console

    from foretune.errors import MetaDatasetError
    from foretune.metadata import read_meta_dataset, write_meta_dataset
    from foretune.metadata.merge import MergePart, merge

    if (out / "metadata.json").exists():
        raise MetaDatasetError(f"{out} holds a meta-dataset already; give another --out, or remove it first")
    found = merge(
        [MergePart(folder.resolve().name, read_meta_dataset(folder)) for folder in folders], on_conflict=on_conflict
    )
    write_meta_dataset(found.meta, out)
    console = Console()
    remarks = {
        "Runs found again, with the same content": found.duplicates,
        "Runs left out, for an earlier table has them with other content": ", ".join(found.conflicts),
        "Meta-features that are not known of every task": ", ".join(found.partial_features),
    }
    for what, value in remarks.items():
        if value:
            console.print(f"{what}: {value}.", highlight=False)
    console.print(f"{out}: {len(found.meta.tasks)} tasks, {len(found.meta.runs)} runs.", highlight=False)
    return {
        **counts_of(found.meta, out),
        "duplicates": found.duplicates,
        "conflicts": found.conflicts,
        "partial_features": found.partial_features,
    }
