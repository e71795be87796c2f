"""Finds the verbs: each is the function, or the group of further verbs, that its module is named after."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import typer


def add_verbs(commands: typer.Typer, package: str, names: Iterable[str]) -> None:
    """Add the verbs of these modules of a package, in their order."""
    for name in names:
        verb: Any = getattr(import_module(f"{package}.{name}"), name)
        if isinstance(verb, typer.Typer):
            commands.add_typer(verb, name=name)
        else:
            commands.command(name.rstrip("_"))(verb)
