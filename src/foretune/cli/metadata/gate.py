"""`foretune metadata gate`: whether there is anything in a meta-dataset to transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.arguments import Folder
from foretune.session.checks import check_meta_dataset
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from rich.table import Table

    from foretune.metadata.gate import Gate


_CAPTION = """one {} left out; mean over tasks and its standard error; noise: standard deviations over seeds;
the last row: portfolio - oracle, and whichever two tasks are left out"""


@answering
def gate(
    folder: Folder,
    leave_out: Annotated[
        Literal["task", "family", "model"], typer.Option(help="what each task's order may not be learned from")
    ] = "task",
) -> Mapping[str, object]:
    """Measure how much transfer could win: regret of fixed orders after 1, 2, 3 and 5 full runs, one task left out.

    0 is the best configuration of the pool, 1 the median one.
    """
    check_meta_dataset(folder)
    import numpy as np
    from rich.console import Console

    from foretune.metadata import read_meta_dataset
    from foretune.metadata.gate import RUNS, gate, mean_and_error
    from foretune.metadata.noise import luck

    console = Console()
    with waiting(console, "measuring regrets"):
        meta = read_meta_dataset(folder)
        found = gate(meta, leave_out=leave_out)
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

    if lucky := luck(meta, RUNS):
        means = " / ".join(f"{mean:.2f}" for mean in np.mean(list(lucky.values()), axis=0))
        console.print(
            f"Luck: who knows how configurations do on average over seeds has a regret of {means} on the {len(lucky)} "
            "tasks with repeated runs, among these.",
            highlight=False,
        )
    return {
        "tasks": found.tasks,
        "configurations": len(found.configurations),
        "left_out": found.left_out,
        "full_runs": RUNS,
        "regrets": {name: _with_errors(mean_and_error(values)) for name, values in found.regrets.items()},
        "gap": _with_errors(found.gap()),
        "more_than_two_errors": found.passes(),
        "correlation": found.correlation,
        "top_correlation": found.top_correlation,
        "overfitted": found.overfitted,
        "default_rank": found.default_rank,
    }


def _with_errors(pairs: Sequence[tuple[float, float]]) -> list[Mapping[str, float]]:
    return [{"mean": mean, "error": error} for mean, error in pairs]


def _gate_table(found: Gate, leave_out: str) -> Table:
    import numpy as np
    from rich.table import Table

    from foretune.metadata.gate import RUNS, mean_and_error

    title = f"Regret after full runs: {len(found.tasks)} tasks, {len(found.configurations)} common configurations"
    table = Table("order", title=title, caption=_CAPTION.format(leave_out))
    for runs in RUNS:
        table.add_column(f"{runs} run{'s' if runs > 1 else ''}", justify="right")
    rows = {name: mean_and_error(values) for name, values in found.regrets.items()}
    rows["portfolio - oracle"] = found.gap()
    if np.isfinite(found.units).sum() > 1:
        rows["the same, in noise"] = found.gap_in_noise()
    for name, cells in rows.items():
        table.add_row(name, *(f"{mean:.2f} +- {error:.2f}" for mean, error in cells))
    table.add_row("more than 2 errors", *("yes" if passed else "no" for passed in found.passes()))
    return table
