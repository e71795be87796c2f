"""The command `foretune`: a small file per verb, which imports heavy libraries only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from foretune.cli.answer import REFUSED, print_json
from foretune.cli.start import seconds_since_start
from foretune.cli.verbs import add_verbs
from foretune.errors import ForetuneError

VERBS = (
    *("tune", "recommend", "finetune", "predict", "chat", "demo", "synthesize", "generate", "collect", "fit"),
    *("report", "export", "merge", "status", "mcp", "metadata", "replay"),
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
add_verbs(commands, __name__, VERBS)


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
    given = sys.argv[1:] if arguments is None else list(arguments)
    # The program's own budget begins with its process, that of a caller in Python with the call.
    spent = seconds_since_start() if arguments is None else 0.0
    try:
        ended = commands(args=given, obj=spent, standalone_mode="--json" not in given)
    except ForetuneError as error:
        _refuse(str(error), REFUSED)
    except Exception as error:
        if (message := getattr(error, "format_message", None)) is None:
            raise
        # Of typer, on the arguments: no verb has begun, so there is no document yet.
        code = int(getattr(error, "exit_code", REFUSED))
        print_json({"error": {"type": "UsageError", "message": message(), "exit_code": code}})
        _refuse(message(), code)
    else:
        sys.exit(ended or 0)


def _refuse(message: str, code: int) -> NoReturn:
    typer.secho(f"foretune: {message}", fg="red", err=True)
    sys.exit(code)
