"""`foretune metadata describe | gate`: what is in a meta-dataset, and whether there is anything in it to transfer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from foretune.metadata import MetaDataset
    from foretune.metadata.gate import Gate

Folder = Annotated[Path, typer.Argument(metavar="META", help="folder of a meta-dataset")]


def register(commands: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(help="Look into a meta-dataset.", no_args_is_help=True)
    verbs.command("describe")(describe_verb)
    verbs.command("gate")(gate_verb)
    commands.add_typer(verbs, name="metadata")


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


def gate_verb(
    folder: Folder,
    leave_out: Annotated[
        Literal["task", "family"], typer.Option(help="what each task's order may not be learned from")
    ] = "task",
) -> None:
    """Measure what transfer could win: regret of fixed orders after 1, 2, 3 and 5 full runs, one task left out.

    0 is the best configuration of the pool, 1 the median one.
    """
    from rich.console import Console

    from foretune.metadata import read_meta_dataset
    from foretune.metadata.gate import gate

    found = gate(read_meta_dataset(folder), leave_out=leave_out)
    console = Console()
    console.print(_gate_table(found, leave_out))
    if found.left_out:
        console.print(f"Left out, for they lack some of these: {', '.join(found.left_out)}.", highlight=False)
    default = "unknown" if found.default_rank is None else f"{found.default_rank:.1f}"
    console.print(
        f"Losses correlate {found.correlation:.2f} between tasks (top half {found.top_correlation:.2f}); "
        f"{found.overfitted:.0%} of the runs end more than 2 % above their best slice; "
        f"mean rank of the default: {default} of {len(found.configurations)}.",
        highlight=False,
    )


def _gate_table(found: Gate, leave_out: str) -> Table:
    from rich.table import Table

    from foretune.metadata.gate import RUNS, mean_and_error

    title = f"Regret after full runs: {len(found.tasks)} tasks, {len(found.configurations)} common configurations"
    table = Table("order", title=title, caption=f"one {leave_out} left out; mean over tasks and its standard error")
    for runs in RUNS:
        table.add_column(f"{runs} run{'s' if runs > 1 else ''}", justify="right")
    rows = {name: mean_and_error(values) for name, values in found.regrets.items()}
    for name, cells in {**rows, "portfolio - oracle": found.gap()}.items():
        table.add_row(name, *(f"{mean:.2f} +- {error:.2f}" for mean, error in cells))
    return table
