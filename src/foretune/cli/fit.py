"""`foretune fit`: meta-learn surrogates from meta-datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

Kind = Literal["deep-kernel", "in-context", "rank-trees"]
_COLUMNS = {
    "rank_correlation_unseen": "rank correlation, nothing seen",
    "rank_correlation_1_slice": "after 1 slice",
    "regret_1_run": "regret of first choice (1 = median)",
    "regret_after_reference": "with the default trained",
    "cost_log_error": "error of log seconds",
    "memory_log_error": "of log memory",
}


def register(commands: typer.Typer) -> None:
    """Add the verb."""
    commands.command("fit")(fit)


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
    kind: Annotated[Kind, typer.Option(help="Of performance surrogate.")] = "in-context",
    seed: Annotated[int, typer.Option(help="Of folds, networks and examples.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace surrogates that are in the folder.")] = False,
) -> None:
    """Fit the surrogates of performance, cost and memory, and show how they do on tasks held out from the fit."""
    _check_out(out, overwrite=overwrite)
    _check_folders(meta_datasets)
    import torch
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from foretune.metadata import read_meta_dataset
    from foretune.space import load_space
    from foretune.surrogate import save_surrogates
    from foretune.surrogate.encoders import MAIN_SPACE
    from foretune.surrogate.fit import fit as fit_surrogates

    console = Console()
    torch.set_num_threads(1)
    tables = [read_meta_dataset(folder) for folder in meta_datasets]
    search = load_space(space or MAIN_SPACE)
    # Its matrices are too small to share: threads that wait for each other took four times as long on a busy machine.
    with console.status("Reading") as status, threadpool_limits(1):
        surrogates = fit_surrogates(
            tables,
            seed=seed,
            exclude_families=exclude_family or (),
            exclude_tasks=exclude_task or (),
            kind=kind,
            search=search,
            progress=lambda step: status.update(f"Fitting: {step}"),
        )
    save_surrogates(out, surrogates)
    console.print(_held_out_table(surrogates.card["held_out"]))
    for note in surrogates.card.get("notes", ()):
        console.print(f"Note: {note}.", highlight=False, soft_wrap=True)
    console.print(f"Wrote {out}. Next: foretune tune DATA --surrogates {out}")


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Nothing is lost by a fit: what is there is replaced only if asked for, and only if it is surrogates."""
    from foretune.errors import SurrogateError

    if out.exists() and not out.is_dir():
        raise SurrogateError(f"--out {out} is a file; name a new folder")
    if not out.is_dir() or not (found := sorted(path.name for path in out.iterdir())):
        return
    strange = sorted(set(found) - {"surrogates.json", "surrogates.safetensors"})
    if strange:
        raise SurrogateError(f"--out {out} holds other files ({', '.join(strange[:3])}); name a new folder")
    if not overwrite:
        raise SurrogateError(f"--out {out} holds surrogates already; name a new folder, or give --overwrite")


def _check_folders(meta_datasets: Sequence[Path]) -> None:
    from foretune.errors import MetaDatasetError
    from foretune.metadata.shipped import meta_dataset_folder, shipped_meta_datasets

    for given in meta_datasets:
        if not (meta_dataset_folder(given) / "metadata.json").is_file():
            shipped = ", ".join(shipped_meta_datasets())
            message = f"{given} is no meta-dataset; give a folder with a metadata.json, or one of {shipped}"
            raise MetaDatasetError(message)


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
