"""Lines for people: printed as they are, whatever is in them, and never broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a line in which nothing is taken for markup."""
    console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def remark(console: Console, *texts: str) -> None:
    """Print remarks, one a line."""
    for text in texts:
        say(console, f"note: {text}", "yellow")
