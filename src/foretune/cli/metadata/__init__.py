"""`foretune metadata ...`: look into meta-datasets, check and join them; one small file per verb."""

from __future__ import annotations

from importlib import import_module

import typer

VERBS = ("describe", "gate", "import_", "verify", "merge", "export")


def register(commands: typer.Typer) -> None:
    """Add the verbs."""
    verbs = typer.Typer(help="Look into meta-datasets, check and join them.", no_args_is_help=True)
    for verb in VERBS:
        import_module(f"{__name__}.{verb}").register(verbs)
    commands.add_typer(verbs, name="metadata")
