"""DOCX: paragraphs and tables under Word's heading styles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from foretune.documents.sections import Outline, Section, Span

_HEADING = re.compile(r"(?:Heading (\d)|Title)$")


def read_docx(content: bytes) -> Iterator[Section]:
    """The text under each heading."""
    outline, lines, first = Outline(), list[str](), 1
    number = 0
    for number, block in enumerate(Document(BytesIO(content)).iter_inner_content(), start=1):
        heading = _HEADING.match(_style(block))
        if heading is None:
            lines.append(_text(block))
            continue
        yield from _section(lines, outline.headings, first, number - 1)
        outline.enter(int(heading[1] or 0), _text(block))
        lines, first = [], number + 1
    yield from _section(lines, outline.headings, first, number)


def _style(block: Paragraph | Table) -> str:
    return (block.style.name if isinstance(block, Paragraph) and block.style else None) or ""


def _text(block: Paragraph | Table) -> str:
    if isinstance(block, Paragraph):
        return block.text
    return "\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows)


def _section(lines: list[str], headings: tuple[str, ...], first: int, last: int) -> Iterator[Section]:
    if text := "\n\n".join(line for line in lines if line.strip()):
        yield Section("", headings, text, Span("paragraph", first, last))
