"""`foretune metadata describe`: the contents of a meta-dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.arguments import Folder
from foretune.cli.metadata.counts import counts_of
from foretune.session.checks import check_meta_dataset
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from foretune.metadata import MetaDataset


@answering
def describe(
    folder: Folder,
    plots: Annotated[Path | None, typer.Option(help="folder for figures (PNG), made if absent")] = None,
) -> Mapping[str, object]:
    """List the tasks of a meta-dataset with their runs, best losses and cost, and how alike they are."""
    check_meta_dataset(folder)
    from rich.console import Console

    from foretune.metadata import read_meta_dataset
    from foretune.metadata.sizes import size_curves
    from foretune.metadata.summary import agreement_rows, group_rows, method_rows, pair_rows, total_costs
    from foretune.report.meta_dataset_sizes import size_tables
    from foretune.report.meta_dataset_tables import agreement_table, group_table, method_table, task_tables

    console = Console()
    with waiting(console, "comparing tasks"):
        meta = read_meta_dataset(folder)
        pairs, sizes = pair_rows(meta), size_curves(meta)
    for table in size_tables(sizes):
        console.print(table)
    for table in task_tables(meta, {task for curve in sizes for task in curve.tasks}):
        console.print(table)
    groups, agreement = group_rows(meta), agreement_rows(meta, pairs) if pairs else []
    console.print(group_table(groups))
    console.print(method_table(method_rows(meta)))
    if agreement:
        console.print(agreement_table(agreement))
    console.print(_totals(meta), highlight=False)
    if noise := _noise(meta):
        console.print(noise, highlight=False)
    if plots is not None:
        from foretune.report.meta_dataset_plots import save_plots

        for path in save_plots(meta, plots, pairs):
            console.print(path, highlight=False)
    return {**counts_of(meta, folder), "costs": total_costs(meta), "groups": groups, "agreement": agreement}


def _noise(meta: MetaDataset) -> str:
    """How far the best value of a run moves with its seed, on the tasks with repeated runs; empty without any."""
    from foretune.metadata.noise import seed_noise

    known = [f"{noise:.3f} on {task}" for task, noise in seed_noise(meta).items() if noise is not None]
    return f"Standard deviation over seeds of a run's best value: {', '.join(known)}" if known else ""


def _totals(meta: MetaDataset) -> str:
    """The closing line: how many runs ended how, and what all of them cost."""
    from foretune.metadata.summary import overfitted_share, total_costs
    from foretune.report.meta_dataset_tables import cost_text

    runs = len(meta.runs)
    statuses = sorted(Counter(meta.runs["status"]).items())
    counts = ", ".join(
        f"{count} {status}, {count / runs:.1%}" if count < runs else f"{count} {status}" for status, count in statuses
    )
    costs = ", ".join(cost_text(cost, unit) for unit, cost in total_costs(meta).items())
    overfitted = overfitted_share(meta)
    ends = (
        ""
        if overfitted is None
        else f"; {overfitted:.0%} of the complete runs end more than 2 % above their best slice"
    )
    return f"{runs} runs ({counts}), {costs} of training and evaluation{ends}"
