"""The command `foretune`: one small file per verb, each of which imports what is heavy only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from foretune.errors import ForetuneError

VERBS = ("tune", "recommend", "finetune", "predict", "chat", "demo", "generate", "collect", "fit", "metadata", "replay")

commands = typer.Typer(
    name="foretune",
    help="Finetune language models with what earlier finetuning runs have taught.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _verb in VERBS:
    import_module(f"{__name__}.{_verb}").register(commands)


def app(arguments: Sequence[str] | None = None) -> None:
    """Run one verb and exit; what a user did wrong becomes a line on standard error and the exit code 2.

    Args:
        arguments: without the name of the program; by default those of the process.
    """
    try:
        commands(args=arguments)
    except ForetuneError as error:
        typer.secho(f"foretune: {error}", fg="red", err=True)
        sys.exit(2)
