"""`foretune metadata describe`: what is in a meta-dataset."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from foretune.cli.metadata.arguments import Folder

if TYPE_CHECKING:
    from rich.table import Table

    from foretune.metadata import MetaDataset


def register(verbs: typer.Typer) -> None:
    """Add the verb."""
    verbs.command("describe")(describe_verb)


def describe_verb(folder: Folder) -> None:
    """List the tasks of a meta-dataset with their runs, best losses and cost."""
    from rich.console import Console

    from foretune.metadata import read_meta_dataset

    meta = read_meta_dataset(folder)
    console = Console()
    console.print(_task_table(meta))
    statuses = sorted(Counter(meta.runs["status"]).items())
    counts = ", ".join(f"{count} {status}" for status, count in statuses)
    seconds = sum(float(meta.curve(run).seconds.sum()) for run in meta.runs["run"])
    console.print(f"{len(meta.runs)} runs ({counts}), {seconds / 3600:.2f} hours of training and evaluation")


def _task_table(meta: MetaDataset) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Tasks", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption="losses in nats per completion token")
    table.add_column("task", no_wrap=True)
    table.add_column("family", overflow="ellipsis")
    for name in ("rows", "runs", "zero-shot", "best", "median", "s/run"):
        table.add_column(name, justify="right", no_wrap=True)
    zero_shot, sizes = meta.tasks["zero_shot_validation_value"].tolist(), meta.tasks["n_train"].tolist()
    for task, before, rows in zip(meta.task_ids, zero_shot, sizes, strict=True):
        runs = meta.runs_of(task)
        curves = [curve for run in runs if len(curve := meta.curve(run))]
        losses = sorted(-float(curve.scores.max()) for curve in curves)
        seconds = sum(float(curve.seconds.sum()) for curve in curves) / max(len(curves), 1)
        reached = [f"{losses[at]:.3f}" for at in (0, len(losses) // 2)] if losses else ["", ""]
        cells = (str(rows), str(len(runs)), f"{before:.3f}", *reached, f"{seconds:.1f}")
        table.add_row(task, meta.families[task], *cells)
    return table
