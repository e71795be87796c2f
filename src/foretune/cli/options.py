"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Columns = Annotated[
    str | None, typer.Option(metavar="NAME=COLUMN,...", help="Columns to take, such as prompt=Q,completion=A.")
]
LastTurnOnly = Annotated[bool, typer.Option("--last-turn-only", help="Learn the last answer of a conversation alone.")]
SkipBadRows = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, and say how many.")
]
Device = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda, cuda:1, ...")]
