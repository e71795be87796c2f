"""With `--json` a verb prints one JSON document: what it returns, or why it failed; all else goes to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, TextIO, get_type_hints

import typer

from foretune.disk import written
from foretune.errors import ForetuneError

FAULT, REFUSED, INTERRUPTED = 1, 2, 130
"""Exit codes beside 0: a fault of foretune itself, a mistake of the user, and Ctrl-C."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON alone; the rest goes to standard error.")]


def answering(verb: Callable[..., object]) -> Callable[..., None]:
    """A verb with the option `--json`.

    An interrupted verb raises KeyboardInterrupt with what to say; here it ends with the exit code 130.

    Args:
        verb: prints to standard output for a person, and returns what `plain` can take.
    """

    @wraps(verb)
    def run(*, as_json: bool, **given: Any) -> None:
        """Run the verb, and print its outcome as JSON where that is asked for."""
        out = sys.stdout
        try:
            with (
                _aside(out) if as_json else nullcontext(),
                written(Path(given.get("output") or given.get("out") or ".")),
            ):
                outcome = verb(**given)
        except KeyboardInterrupt as stopped:
            typer.echo(str(stopped) or "Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        if as_json:
            print_json(plain(outcome), out)

    # What a verb returns may be known to type checkers alone; typer does not ask for it.
    run.__annotations__ = {**verb.__annotations__, "as_json": _Json, "return": None}
    hints = get_type_hints(run, include_extras=True)
    parameters = [*signature(verb).parameters.values(), Parameter("as_json", Parameter.KEYWORD_ONLY, default=False)]
    typed = Signature([one.replace(annotation=hints[one.name]) for one in parameters])
    run.__signature__ = typed  # pyright: ignore[reportAttributeAccessIssue]
    return run


@contextmanager
def _aside(out: TextIO) -> Generator[None]:
    """What is printed goes to standard error; an error is a document on `out`, and goes on."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (typer.Exit, SystemExit):
        raise
    except BaseException as error:
        print_json(error_document(error), out)
        raise


def error_document(error: BaseException) -> dict[str, Any]:
    """An error as `--json` prints it."""
    message = str(error) or ("interrupted" if isinstance(error, KeyboardInterrupt) else "")
    return {"error": {"type": type(error).__name__, "message": message, "exit_code": exit_code(error)}}


def exit_code(error: BaseException) -> int:
    """The exit code of a program that an error has ended."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return REFUSED if isinstance(error, ForetuneError) else FAULT


def print_json(document: object, out: TextIO | None = None) -> None:
    """Print one document."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False), file=out)


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses and mappings are objects, numbers that are not finite are null.

    Args:
        value: what has a `to_json` says itself what it is; names, paths and whatever else is not known become text.
    """
    if hasattr(value, "to_json"):
        value = value.to_json()
    elif is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    elif hasattr(value, "tolist"):  # of numpy
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value)
