"""`foretune metadata import`: runs that another tool recorded, as a meta-dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from foretune.cli.answer import answering
from foretune.cli.metadata.counts import counts_of
from foretune.errors import InteropError
from foretune.session.checks import IMPORTERS, check_name, check_output
from foretune.session.saying import say

if TYPE_CHECKING:
    from foretune.metadata import MetaDataset


@answering
def import_(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="csv, fms-acceleration, hf-cards, litgpt, mlflow, optuna, peft, public-llm, quicktunetool, "
            "scaling-law, taskset, tensorboard, tinker or trainer-state",
        ),
    ],
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="files, folders or addresses")],
    out: Annotated[Path, typer.Option(metavar="META", help="new folder for the meta-dataset")],
    metric: Annotated[str, typer.Option(help="metric that judges runs, under its name in the source")] = "",
    test_metric: Annotated[str, typer.Option(help="the same on a test split")] = "",
    direction: Annotated[
        Literal["minimize", "maximize"] | None, typer.Option(help="of the metric; follows from common names")
    ] = None,
    cost_unit: Annotated[str, typer.Option(help="unit of costs, if not seconds")] = "",
    dataset: Annotated[str, typer.Option(help="name of the dataset; param:NAME takes it from a parameter")] = "",
    model: Annotated[str, typer.Option(help="name of the base model; param:NAME takes it from a parameter")] = "",
    rows: Annotated[int | None, typer.Option(min=1, help="training rows")] = None,
    family: Annotated[str, typer.Option(help="kind of dataset")] = "",
    source: Annotated[str, typer.Option(help="where the figures come from")] = "",
    license_: Annotated[str, typer.Option("--license", help="of the figures")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=OURS]", help="take only these parameters; repeatable")
    ] = None,
    part: Annotated[list[str] | None, typer.Option(help="experiment or study to read; repeatable")] = None,
    settings: Annotated[Path | None, typer.Option(help="YAML or JSON: further hyperparameters of runs")] = None,
    mapping: Annotated[Path | None, typer.Option(help="YAML: meaning of the columns of a CSV")] = None,
    file_times: Annotated[
        bool, typer.Option("--file-times", help="let times of checkpoints stand in for times not logged")
    ] = False,
) -> Mapping[str, object]:
    """Read runs that another tool recorded, and write them as a meta-dataset."""
    check_name("kind of source", kind, IMPORTERS, InteropError)
    check_output(out, "--out")
    from foretune.interop import ImportOptions, import_runs
    from foretune.metadata import write_meta_dataset

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InteropError(f"{out} exists and is not an empty folder; name a new one with --out")
    options = ImportOptions(
        metric=metric,
        test_metric=test_metric,
        direction=direction,
        cost_unit=cost_unit,
        dataset=dataset,
        model=model,
        rows=rows,
        family=family,
        source=source,
        license=license_,
        parameters=_renamed(parameter or ()),
        settings=settings,
        mapping=mapping,
        parts=tuple(part or ()),
        file_times=file_times,
    )
    meta = import_runs(kind, sources, options)
    write_meta_dataset(meta, out)
    _print_summary(meta, out)
    return {**counts_of(meta, out), "notes": meta.provenance["notes"]}


def _renamed(parameters: Sequence[str]) -> dict[str, str]:
    """`NAME=OURS` as a pair, `NAME` as a pair of the same names."""
    pairs = (text.partition("=") for text in parameters)
    return {theirs: ours or theirs for theirs, _, ours in pairs}


def _print_summary(meta: MetaDataset, out: Path) -> None:
    from collections import Counter

    from rich.console import Console

    console = Console()
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(Counter(meta.runs["status"]).items()))
    counts = f"{len(meta.tasks)} tasks, {len(meta.runs)} runs ({statuses}), {len(meta.curves)} slices"
    say(console, f"{counts} written to {out}")
    for note in meta.provenance["notes"]:
        say(console, f"Note: {note}.")
