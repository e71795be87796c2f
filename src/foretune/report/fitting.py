"""Tables of the terminal that lose nothing where it is narrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Fitting:
    """A table of plain text; where whole words do not fit into its columns, a block of lines for each of its rows."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Called by rich."""
        columns = [[str(column.header), *map(str, column.cells)] for column in self.table.columns]
        widths = fitted(columns, options.max_width - 3 * len(columns) - 1)
        if widths is None:
            yield from self._blocks(columns)
            return
        for column, width in zip(self.table.columns, widths, strict=True):
            column.width = width
        yield self.table

    def _blocks(self, columns: list[list[str]]) -> Iterator[RenderableType]:
        """A row's first cell, and below it the other headings with their cells."""
        (_, *names), *others = columns
        yield Text(str(self.table.title or ""), style="italic")
        for number, (name, row) in enumerate(zip(names, self.table.rows, strict=True), start=1):
            yield Text(name, style=row.style or "bold")
            grid = Table.grid(padding=(0, 2))
            grid.add_column(overflow="fold")
            grid.add_column(overflow="fold")
            for column in others:
                if column[number]:
                    grid.add_row(f"  {column[0]}", Text(column[number]))
            yield grid


def fitted(columns: list[list[str]], width: int) -> list[int] | None:
    """Widths of columns whose sum is at most `width`, the widest made smaller first; None if words would be cut."""
    widths = [max(map(cell_len, texts)) for texts in columns]
    least = [max(cell_len(word) for text in texts for word in text.split() or [""]) for texts in columns]
    while sum(widths) > width:
        spare = [at for at in range(len(widths)) if widths[at] > least[at]]
        if not spare:
            return None
        widths[max(spare, key=widths.__getitem__)] -= 1
    return widths
