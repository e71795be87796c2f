"""The command `foretune`: a small file per verb, which imports heavy libraries only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from foretune.cli.start import seconds_since_start
from foretune.errors import ForetuneError

VERBS = (
    *("tune", "recommend", "finetune", "predict", "chat", "demo", "synthesize", "generate", "collect", "fit"),
    *("report", "export", "merge", "metadata", "replay"),
)

commands = typer.Typer(
    name="foretune",
    help="Finetune language models with knowledge from earlier finetuning runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _verb in VERBS:
    import_module(f"{__name__}.{_verb}").register(commands)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"foretune {version('foretune')}")
        raise typer.Exit


@commands.callback()
def _begin(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Finetune language models with knowledge from earlier finetuning runs."""


def app(arguments: Sequence[str] | None = None) -> None:
    """Run one verb and exit; a user error becomes a line on standard error and the exit code 2.

    Args:
        arguments: without the name of the program; by default those of the process.
    """
    try:
        # The program's own budget begins with its process, that of a caller in Python with the call.
        commands(args=arguments, obj=seconds_since_start() if arguments is None else 0.0)
    except ForetuneError as error:
        typer.secho(f"foretune: {error}", fg="red", err=True)
        sys.exit(2)
