"""`foretune fit`: meta-learn surrogates from meta-datasets."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from foretune.cli.answer import answering
from foretune.session.checks import check_kind, check_meta_dataset, check_output, check_space
from foretune.session.saying import say
from foretune.session.waiting import waiting

if TYPE_CHECKING:
    from rich.table import Table

Kind = Literal["in-context", "deep-kernel"]
_COLUMNS = {
    "rank_correlation_unseen": "rank correlation, nothing seen",
    "rank_correlation_1_slice": "after 1 slice",
    "regret_1_run": "regret of first choice (1 = median)",
    "regret_after_reference": "with the default trained",
    "cost_log_error": "error of log seconds",
    "memory_log_error": "of log memory",
}


@answering
def fit(
    meta_datasets: Annotated[
        list[Path], typer.Argument(metavar="META...", help="Folders of meta-datasets, or shipped names.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the surrogates to.")],
    exclude_family: Annotated[list[str] | None, typer.Option(help="Family to leave out; may be given again.")] = None,
    exclude_task: Annotated[list[str] | None, typer.Option(help="Task to leave out; may be given again.")] = None,
    space: Annotated[
        str | None, typer.Option(help="Search space of the runs: a shipped name or a YAML file; else what suits them.")
    ] = None,
    kind: Annotated[
        Kind, typer.Option(help="Of surrogate: the default search's, or the source paper's.")
    ] = "in-context",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace surrogates that are in the folder.")] = False,
) -> Mapping[str, object]:
    """Fit the surrogates of performance, cost and memory, and show how they do on tasks held out from the fit."""
    check_output(out, "--out")
    _check_out(out, overwrite=overwrite)
    for folder in meta_datasets:
        check_meta_dataset(folder)
    check_space(space)
    check_kind(kind)

    from rich.console import Console

    console = Console()
    with waiting(console, "loading libraries"):
        import torch
        from threadpoolctl import threadpool_limits

        from foretune.metadata import read_meta_dataset
        from foretune.space import load_space
        from foretune.surrogate import save_surrogates
        from foretune.surrogate.encoders import MAIN_SPACE
        from foretune.surrogate.fit import fit as fit_surrogates

    torch.set_num_threads(1)
    # Its matrices are too small to share: threads that wait for each other took four times as long on a busy machine.
    with waiting(console, "reading the meta-datasets") as step, threadpool_limits(1):
        tables = [read_meta_dataset(folder) for folder in meta_datasets]
        surrogates = fit_surrogates(
            tables,
            seed=seed,
            exclude_families=exclude_family or (),
            exclude_tasks=exclude_task or (),
            kind=kind,
            search=load_space(space or MAIN_SPACE),
            progress=lambda what: step(f"fitting: {what}"),
        )
    save_surrogates(out, surrogates)
    console.print(_held_out_table(surrogates.card["held_out"]))
    for note in surrogates.card.get("notes", ()):
        say(console, f"Note: {note}.")
    say(console, f"Wrote {out}. Next: foretune tune DATA --surrogates {shlex.quote(str(out))}")
    card = surrogates.card
    return {"surrogates": out, "kind": kind, "held_out": card["held_out"], "notes": card.get("notes", ())}


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Nothing is lost by a fit: existing files are replaced only if asked for, and only if they are surrogates."""
    from foretune.errors import SurrogateError

    if not out.is_dir() or not (found := sorted(path.name for path in out.iterdir())):
        return
    strange = sorted(set(found) - {"surrogates.json", "surrogates.safetensors"})
    if strange:
        raise SurrogateError(f"--out {out} holds other files ({', '.join(strange[:3])}); name a new folder")
    if not overwrite:
        raise SurrogateError(f"--out {out} holds surrogates already; name a new folder, or give --overwrite")


def _held_out_table(held_out: Mapping[str, Any]) -> Table:
    from rich.table import Table

    columns = [name for name in _COLUMNS if name in held_out["mean"]]
    table = Table("task", *(_COLUMNS[name] for name in columns), title="On tasks held out from the fit")
    for task, row in [*held_out["by_task"].items(), ("all", held_out["mean"])]:
        table.add_row(task, *(f"{row[name]:.3f}" if name in row else "-" for name in columns))
    for model, row in held_out["by_model"].items():
        table.add_row(f"without {model}", *(f"{row[name]:.3f}" if name in row else "-" for name in columns))
    table.caption = (
        "All: means of scores, medians of errors. Without a base model: its runs, predicted from the others'."
    )
    return table
