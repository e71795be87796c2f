"""`foretune synthesize --from facts:NAME`: a question-answer dataset without documents and without a teacher."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import typer

from foretune.errors import DataError
from foretune.session.checks import check_name, check_output
from foretune.session.saying import say

FACTS, ALL = "facts:", "all"
_TAKES = ("source", "out", "seed", "as_json")
_SPLITS = ("train", "validation", "test")


def synthesize_facts(context: typer.Context, source: str, out: Path, seed: int) -> Mapping[str, object]:
    """Write one dataset of facts into `out`, or each of them into a folder of its own there.

    Args:
        context: of the command, to see what else was given.
        source: `facts:NAME` or `facts:all`.
        out: folder that gets the dataset.
        seed: of the splits and the order of rows.

    Returns:
        `datasets`, each with `folder`, `rows` of each split and `counts`, as those that a teacher writes.

    Raises:
        DataError: if there is no dataset of that name, something else was given beside, or the folder is in use.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from foretune.synthesis.facts import DATASETS, make_dataset

    name = _name(source, tuple(DATASETS))
    _check_alone(context)
    check_output(out, "--out")
    folders = {one: out / one for one in DATASETS} if name == ALL else {name: out}
    for folder in folders.values():
        if folder.is_dir() and any(folder.iterdir()):
            raise DataError(f"{folder} is not empty; give another folder to --out")
    table = Table("dataset", "kind", box=SIMPLE_HEAD)
    for split in _SPLITS:
        table.add_column(split, justify="right")
    datasets: list[Mapping[str, object]] = []
    for one, folder in folders.items():
        counts = make_dataset(one, folder, seed=seed)
        datasets.append({"folder": folder, "rows": counts, "counts": {}})
        table.add_row(one, DATASETS[one].kind, *(str(counts[split]) for split in _SPLITS))
    console = Console()
    console.print(table)
    here = shlex.quote(str(out))
    after = f"collect {here}/* --out META" if name == ALL else f"tune {here} --budget 10m --output run"
    say(console, f"Wrote {out}. Next: foretune {after}")
    return {"datasets": datasets}


def _name(source: str, known: tuple[str, ...]) -> str:
    if not source.startswith(FACTS):
        raise DataError(f"--from {source}: expected facts:NAME or facts:{ALL}; NAME is one of {', '.join(known)}")
    name = source.removeprefix(FACTS)
    check_name("dataset of facts", name, (ALL, *known), DataError)
    return name


def _check_alone(context: typer.Context) -> None:
    """Whether nothing is given that is for documents alone."""
    named = {str(one.name): one.opts[0] for one in context.command.params}
    given = [
        option if option.startswith("-") else option.upper()
        for name, option in named.items()
        if name not in _TAKES and getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise DataError(f"--from facts:... takes --out and --seed alone; leave out {', '.join(given)}")
