"""A table of a comparison as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """A table that is not rendered yet.

    Attributes:
        title: its contents.
        note: how to read it.
        head: names of the columns; the first one names the rows.
        rows: cells as text.
        printed: whether the terminal shows it, too.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    printed: bool = False
