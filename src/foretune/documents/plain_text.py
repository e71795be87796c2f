"""Plain text and Markdown: sections are runs of lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from markdown_it import MarkdownIt

from foretune.documents.sections import Outline, Section, Span
from foretune.errors import DataError

_PIECE = 4000
"""Characters of a section of plain text, which has no headings."""


def decode(content: bytes) -> str:
    """Text of a file: UTF-8, or UTF-16 with a mark; of other bytes, the Western European code page.

    Raises:
        DataError: it is binary.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content[:4096]:
        raise DataError("is binary, expected text; convert it to PDF, HTML, DOCX, Markdown or text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_text(content: bytes) -> Iterator[Section]:
    """Paragraphs in pieces of a few thousand characters, each a section."""
    lines = decode(content).splitlines()
    start = size = 0
    for at, line in enumerate(lines):
        size += len(line) + 1
        if size >= _PIECE and (not line.strip() or size >= 2 * _PIECE):
            yield from _section(lines, start, at + 1, ())
            start, size = at + 1, 0
    yield from _section(lines, start, len(lines), ())


def read_markdown(content: bytes) -> Iterator[Section]:
    """The source between two headings."""
    lines = decode(content).splitlines()
    start = _front_matter(lines)
    outline, tokens = Outline(), MarkdownIt("commonmark").parse("\n" * start + "\n".join(lines[start:]))
    for token, inline in pairwise(tokens):
        # Headings within quotes and lists are part of the text.
        if token.type == "heading_open" and token.level == 0 and token.map:
            yield from _section(lines, start, token.map[0], outline.headings)
            outline.enter(int(token.tag[1]), inline.content)
            start = token.map[1]
    yield from _section(lines, start, len(lines), outline.headings)


def _front_matter(lines: list[str]) -> int:
    """Lines of settings at the top, between two lines of dashes."""
    if lines[:1] != ["---"]:
        return 0
    return next((at + 1 for at, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"), 0)


def _section(lines: list[str], start: int, end: int, headings: tuple[str, ...]) -> Iterator[Section]:
    while start < end and not lines[start].strip():
        start += 1
    while start < end and not lines[end - 1].strip():
        end -= 1
    if start < end:
        yield Section("", headings, "\n".join(lines[start:end]), Span("line", start + 1, end))
